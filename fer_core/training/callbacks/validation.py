"""Measure the validation split after every epoch."""

from typing import Any, Final

import keras
import numpy as np

from fer_core.evaluation.metrics import compute_metrics, confusion_matrix
from fer_core.models.softmax import softmax
from fer_core.training.arrays import Samples

MISTAKES: Final = 24
"""Most confident mistakes that are listed."""


class Validation(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds ``val_*`` metrics to the epoch's logs, for the callbacks after it.

    ``val_accuracy``, ``val_macro_f1`` and ``val_loss`` (cross-entropy) are the first head's; the
    second adds ``val_<head>_accuracy``. ``detail`` holds what logs of numbers cannot: the confusion
    matrix, recall by class, and the most confident mistakes.
    """

    def __init__(self, network: keras.Model, samples: Samples, heads: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.samples, self.heads = network, samples, heads
        self.detail: dict[str, Any] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Predict and measure."""
        logs = {} if logs is None else logs
        logits = predict(self.network, self.samples)
        for number, name in enumerate(self.heads):
            prefix = "val_" if number == 0 else f"val_{name}_"
            values = self._measure(logits[name], name, with_detail=number == 0)
            logs.update({prefix + key: value for key, value in values.items()})

    def _measure(self, logits: Any, head: str, *, with_detail: bool) -> dict[str, float]:
        y_true = self.samples.y_true(head)
        rows = np.flatnonzero(y_true >= 0)
        probabilities, y_true = softmax(logits[rows]), y_true[rows]
        metrics = compute_metrics(probabilities, y_true)
        p_true = np.maximum(probabilities[np.arange(len(y_true)), y_true], 1e-7)
        if with_detail:
            recall = {name: round(scores.recall, 4) for name, scores in metrics.per_class.items()}
            self.detail = self._details(probabilities, y_true, rows) | {"recall": recall}
        return {
            "accuracy": metrics.accuracy,
            "macro_f1": metrics.macro_f1,
            "loss": float(-np.log(p_true).mean()),
            "calibration_error": metrics.calibration_error,
        }

    def _details(self, probabilities: Any, y_true: Any, rows: Any) -> dict[str, Any]:
        y_pred = probabilities.argmax(axis=1)
        errors = np.flatnonzero(y_pred != y_true)
        confident = errors[np.argsort(-probabilities[errors].max(axis=1))][:MISTAKES]
        return {
            "confusion": confusion_matrix(y_true, y_pred).tolist(),
            "mistakes": [
                {
                    "file": self.samples.files[rows[row]],
                    "label": int(y_true[row]),
                    "predicted": int(y_pred[row]),
                    "confidence": round(float(probabilities[row].max()), 3),
                }
                for row in confident
            ],
        }


def predict(network: keras.Model, samples: Samples, batch: int = 128) -> dict[str, Any]:
    """Return the logits of every head, float32 (N, 7) by its name."""
    parts = [
        network.predict_on_batch(samples.pixels[at : at + batch].astype(np.float32))
        for at in range(0, len(samples), batch)
    ]
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
