"""Measure the validation split after every epoch."""

from typing import Any

import keras
import numpy as np

from fer_core import evaluation
from fer_core.models.classifier import softmax
from fer_core.training.arrays import Samples


class Validation(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds ``val_*`` figures to the epoch's logs, for the callbacks after it.

    ``val_accuracy``, ``val_macro_f1`` and ``val_loss`` (cross-entropy) are the first reading's;
    the second adds ``val_<reading>_accuracy``. ``detail`` holds what a log of numbers cannot: the
    confusion matrix, recall by class, and the surest mistakes.
    """

    def __init__(self, network: keras.Model, samples: Samples, heads: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.samples, self.heads = network, samples, heads
        self.detail: dict[str, Any] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Predict and measure."""
        logs = {} if logs is None else logs
        logits = predict(self.network, self.samples)
        for place, name in enumerate(self.heads):
            prefix = "val_" if place == 0 else f"val_{name}_"
            figures = self._measure(logits[name], name, keep=place == 0)
            logs.update({prefix + key: value for key, value in figures.items()})

    def _measure(self, logits: Any, head: str, *, keep: bool) -> dict[str, float]:
        truth = self.samples.truth(head)
        rows = np.flatnonzero(truth >= 0)
        probabilities, truth = softmax(logits[rows]), truth[rows]
        found = evaluation.compute_metrics(probabilities, truth)
        chosen = np.maximum(probabilities[np.arange(len(truth)), truth], 1e-7)
        if keep:
            self.detail = self._details(probabilities, truth, rows) | _classes(found)
        return {
            "accuracy": found.accuracy,
            "macro_f1": found.macro_f1,
            "loss": float(-np.log(chosen).mean()),
            "calibration_error": found.calibration_error,
        }

    def _details(self, probabilities: Any, truth: Any, rows: Any) -> dict[str, Any]:
        answers = probabilities.argmax(axis=1)
        wrong = np.flatnonzero(answers != truth)
        surest = wrong[np.argsort(-probabilities[wrong].max(axis=1))][:24]
        return {
            "confusion": evaluation.confusion_matrix(truth, answers).tolist(),
            "mistakes": [
                {
                    "file": self.samples.files[rows[row]],
                    "label": int(truth[row]),
                    "answer": int(answers[row]),
                    "confidence": round(float(probabilities[row].max()), 3),
                }
                for row in surest
            ],
        }


def predict(network: keras.Model, samples: Samples, batch: int = 128) -> dict[str, Any]:
    """Logits (N, 7) of every reading."""
    parts = [
        network.predict_on_batch(samples.pixels[at : at + batch].astype(np.float32))
        for at in range(0, len(samples), batch)
    ]
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def _classes(found: evaluation.Metrics) -> dict[str, Any]:
    return {"recall": {name: round(one.recall, 4) for name, one in found.per_class.items()}}
