"""Everything there is to say about answers whose truth is known."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_core.errors import DatasetError
from fer_core.evaluation.bootstrap import Intervals, bootstrap
from fer_core.evaluation.calibration import (
    CoverageCurve,
    Labels,
    Logits,
    Reliability,
    coverage,
    coverage_curve,
    reliability,
)
from fer_core.evaluation.metrics import Figures, Matrix, confusion_matrix, measure, rounded
from fer_core.models.classifier import softmax
from fer_core.types import Probabilities


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """One reading on one set of labels.

    Attributes:
        figures: Accuracy, macro-F1, calibration error, and the rates of each emotion.
        intervals: Their 95 % bootstrap intervals (the calibration error has none).
        confusion: int (7, 7), rows true, columns predicted.
        reliability: How often answers of each confidence are right.
        curve: What abstaining would leave, by threshold.
        threshold: Confidence below which an answer is called uncertain, 0..1.
        answered: Share of pictures answered at that threshold.
        accuracy_of_answered: Share of those that is right; NaN where none is answered.
    """

    figures: Figures
    intervals: Intervals
    confusion: Matrix
    reliability: Reliability
    curve: CoverageCurve
    threshold: float
    answered: float
    accuracy_of_answered: float

    def rounded(self, digits: int = 4) -> dict[str, Any]:
        """As plain values for a card or a JSON file: ``Figures``' own names first."""
        found = {
            **self.figures.rounded(digits),
            "intervals": self.intervals.rounded(digits),
            "confusion": self.confusion.tolist(),
            "threshold": self.threshold,
            "answered": self.answered,
            "accuracy_of_answered": self.accuracy_of_answered,
        }
        return rounded(found, digits)  # type: ignore[no-any-return]


def evaluate(
    probabilities: Probabilities, truth: Labels, threshold: float = 0.0, seed: int = 0
) -> Evaluation:
    """All figures of probabilities whose truth is known.

    Args:
        probabilities: float32 (N, 7), each row sums to 1, in ``EMOTIONS`` order.
        truth: int (N,), places in ``EMOTIONS``; rows with -1 have no truth and are left out.
        threshold: Confidence below which an answer is called uncertain.
        seed: Of the bootstrap.

    Raises:
        DatasetError: No picture has a truth.
        ValueError: The lengths differ.
    """
    if len(probabilities) != len(truth):
        raise ValueError(f"one truth a picture. Received: {len(probabilities)}, {len(truth)}")
    known = truth >= 0
    if not known.any():
        raise DatasetError(
            "None of these pictures has a label of this kind. Choose other labels or another split."
        )
    probabilities, truth = probabilities[known], truth[known]
    matrix = confusion_matrix(truth, probabilities.argmax(axis=1))
    answered, accuracy = coverage(probabilities, truth, threshold)
    return Evaluation(
        measure(probabilities, truth),
        bootstrap(matrix, seed),
        matrix,
        reliability(probabilities, truth),
        coverage_curve(probabilities, truth),
        threshold,
        answered,
        accuracy,
    )


def evaluate_logits(
    logits: Logits, truth: Labels, temperature: float = 1.0, threshold: float = 0.0, seed: int = 0
) -> Evaluation:
    """As ``evaluate``, for logits (N, 7) that are divided by ``temperature`` first."""
    return evaluate(softmax(logits / np.float32(temperature)), truth, threshold, seed)
