"""Every metric of predictions whose true labels are known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from fer_core.errors import DatasetError
from fer_core.evaluation.bootstrap import Intervals, bootstrap
from fer_core.evaluation.calibration import (
    CoverageCurve,
    Reliability,
    coverage,
    coverage_curve,
    reliability,
)
from fer_core.evaluation.metrics import (
    ClassMetrics,
    Matrix,
    Metrics,
    class_values,
    compute_metrics,
    confusion_matrix,
    rounded,
)
from fer_core.models.softmax import softmax
from fer_core.types import Labels, Logits, Probabilities

CURVE_POINTS: Final = 20
"""Points of the coverage curve that a card keeps."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """One head on one set of labels.

    Attributes:
        metrics: Accuracy, macro-F1, calibration error, and the rates of each emotion.
        intervals: Their 95% bootstrap intervals (the calibration error has none).
        confusion: int64 (7, 7), rows true, columns predicted.
        reliability: Accuracy at each confidence; None in cards of version 0.1.
        curve: Coverage and accuracy by threshold; None in cards of version 0.1.
        threshold: Confidence below which a prediction is shown as uncertain, 0..1.
        coverage: Share of images at or above that threshold.
        selective_accuracy: Share of those that is right; NaN where there is none.
    """

    metrics: Metrics
    intervals: Intervals
    confusion: Matrix
    reliability: Reliability | None
    curve: CoverageCurve | None
    threshold: float
    coverage: float
    selective_accuracy: float

    def rounded(self, digits: int = 4) -> dict[str, Any]:
        """Return plain values for a card or a JSON file: the names of ``Metrics`` first."""
        values = {
            **self.metrics.rounded(digits),
            "intervals": self.intervals.rounded(digits),
            "confusion": self.confusion.tolist(),
            "threshold": self.threshold,
            "coverage": self.coverage,
            "selective_accuracy": self.selective_accuracy,
        }
        if self.reliability is not None:
            values["reliability"] = _lists(self.reliability, ("count", "confidence", "accuracy"))
        if self.curve is not None:
            values["coverage_curve"] = _lists(
                self.curve,
                ("threshold", "coverage", "accuracy"),
                max(len(self.curve.threshold) // CURVE_POINTS, 1),
            )
        return rounded(values, digits)  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Evaluation":
        """Return the evaluation that a card holds: what ``rounded`` gave, or version 0.1 wrote.

        Raises:
            KeyError: A value is missing.
            TypeError: A value is of another kind.
            ValueError: A value is out of range.
        """
        per_class = {
            name: ClassMetrics(**class_values(rates)) for name, rates in values["per_class"].items()
        }
        metrics = Metrics(
            values["n"],
            values["accuracy"],
            values["macro_f1"],
            values["calibration_error"],
            per_class,
        )
        bins, curve = values.get("reliability"), values.get("coverage_curve")
        accuracy = values.get("selective_accuracy", values.get("accuracy_of_answered"))
        return cls(
            metrics,
            Intervals.from_dict(values["intervals"]),
            np.asarray(values["confusion"], np.int64).reshape(7, 7),
            Reliability(**_arrays(bins)) if bins else None,
            CoverageCurve(**_arrays(curve)) if curve else None,
            float(values["threshold"]),
            float(values.get("coverage", values.get("answered"))),
            np.nan if accuracy is None else float(accuracy),
        )


def evaluate(
    probabilities: Probabilities, y_true: Labels, threshold: float = 0.0, seed: int = 0
) -> Evaluation:
    """Return every metric of probabilities whose true labels are known.

    Args:
        probabilities: float32 (N, 7), each row sums to 1, in ``EMOTIONS`` order.
        y_true: int64 (N,), indices into ``EMOTIONS``; rows with -1 have no label and are left out.
        threshold: Confidence below which a prediction is shown as uncertain.
        seed: Of the bootstrap.

    Raises:
        DatasetError: No image has a label.
        ValueError: The lengths differ.
    """
    if len(probabilities) != len(y_true):
        raise ValueError(
            f"need one true label an image. Received: {len(probabilities)}, {len(y_true)}"
        )
    labelled = y_true >= 0
    if not labelled.any():
        raise DatasetError(
            "None of these images has a label of this kind. Choose other labels or another split."
        )
    probabilities, y_true = probabilities[labelled], y_true[labelled]
    matrix = confusion_matrix(y_true, probabilities.argmax(axis=1))
    return Evaluation(
        compute_metrics(probabilities, y_true),
        bootstrap(matrix, seed),
        matrix,
        reliability(probabilities, y_true),
        coverage_curve(probabilities, y_true),
        threshold,
        *coverage(probabilities, y_true, threshold),
    )


def evaluate_logits(
    logits: Logits, y_true: Labels, temperature: float = 1.0, threshold: float = 0.0, seed: int = 0
) -> Evaluation:
    """Return ``evaluate`` of float32 (N, 7) logits, divided by ``temperature`` first."""
    return evaluate(softmax(logits / np.float32(temperature)), y_true, threshold, seed)


def _lists(arrays: object, names: tuple[str, ...], step: int = 1) -> dict[str, list[float]]:
    return {name: getattr(arrays, name)[::step].tolist() for name in names}


def _arrays(lists: Mapping[str, list[float | None]]) -> dict[str, Any]:
    """Return arrays of plain lists; a missing value is NaN."""
    return {
        name: np.asarray(values, np.int64 if name == "count" else np.float64)
        for name, values in lists.items()
    }
