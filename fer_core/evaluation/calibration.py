"""Are probabilities worth what they say? Calibration, temperature, abstaining."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fer_core.models.classifier import softmax
from fer_core.types import Probabilities

Labels = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]

BINS: Final = 15
"""Equal-width bins of the calibration error (Guo et al., On calibration of modern neural
networks, 2017)."""

SHIFTED, FEW = 0.75, 5
"""How much is taken of the shift that makes the shares equal, and the pictures of an emotion at
which half of that is trusted: all of it would fit chance."""

LEAST_MATERIAL: Final = 20
"""Fewest answers near a confidence from which the abstain threshold is judged."""


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Answers by their confidence, ``BINS`` bins of equal width from 0 to 1.

    Attributes:
        count: int (BINS,), answers in each bin.
        confidence: float (BINS,), their mean confidence; NaN where there is none.
        accuracy: float (BINS,), share of them that is right; NaN where there is none.
    """

    count: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error, 0..1."""
        gaps = np.abs(self.accuracy - self.confidence)
        return float(np.nansum(gaps * self.count) / self.count.sum())


@dataclass(frozen=True, slots=True, eq=False)
class CoverageCurve:
    """What abstaining below each of ``threshold`` (K,) leaves: share answered, and accuracy."""

    threshold: npt.NDArray[np.float64]
    answered: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]


def reliability(probabilities: Probabilities, truth: Labels) -> Reliability:
    """How often answers of each confidence are right."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    whole = np.where(count, count, np.nan)
    return Reliability(
        count,
        np.bincount(bins, confidence, minlength=BINS) / whole,
        np.bincount(bins, right, minlength=BINS) / whole,
    )


def calibration_error(probabilities: Probabilities, truth: Labels) -> float:
    """Expected calibration error of the top answers, 0..1, over ``BINS`` bins."""
    return reliability(probabilities, truth).error


def fit_temperature(logits: Logits, truth: Labels) -> float:
    """The temperature in 0.25..4 with the least cross-entropy, to 0.5 %."""
    grid = np.geomspace(0.25, 4, 556)
    rows = np.arange(len(truth))
    losses = [-np.log(softmax(logits / np.float32(t))[rows, truth] + 1e-12).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])


def fair_shifts(logits: Logits, truth: Labels) -> npt.NDArray[np.float64]:
    """What to add to the logits so that each emotion is said nearer as often as it is true.

    The shifts that would make the shares equal on these pictures, times ``SHIFTED``, and times
    ``n / (n + FEW)`` for an emotion with ``n`` of them. Chosen by cross-fitting on PublicTest: the
    bias ratios of the shipped network went from 0.70-1.20 to 0.84-1.05 for 0.4 points of accuracy;
    see docs/model.md.

    Args:
        logits: float (N, 7).
        truth: int (N,).

    Returns:
        float (7,).
    """
    count = np.bincount(truth, minlength=logits.shape[1])
    shifts = np.zeros(logits.shape[1])
    for _ in range(300):
        said = np.bincount((logits + shifts).argmax(axis=1), minlength=len(shifts))
        step = np.log((count + len(truth) * 1e-3) / (said + len(truth) * 1e-3))
        shifts += 0.05 * np.where(count > 0, step, 0.0)
    return np.asarray(SHIFTED * shifts * count / (count + FEW))


def abstain_threshold(probabilities: Probabilities, truth: Labels, most: float = 0.15) -> float:
    """The confidence under which an answer is called uncertain.

    The largest t at which answers within 0.05 of t are right less than half the time, but never
    so large that more than ``most`` of the pictures are left unanswered; 0 where there is none.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    highest = float(np.quantile(confidence, most))
    for threshold in np.arange(0.99, 0.0, -0.01):
        near = np.abs(confidence - threshold) <= 0.05
        if near.sum() >= LEAST_MATERIAL and right[near].mean() < 0.5:
            return min(float(threshold), highest)
    return 0.0


def coverage(probabilities: Probabilities, truth: Labels, threshold: float) -> tuple[float, float]:
    """Share of pictures answered at ``threshold``, and the accuracy on those (NaN for none)."""
    answered = probabilities.max(axis=1) >= threshold
    right = probabilities.argmax(axis=1) == truth
    accuracy = right[answered].mean() if answered.any() else np.nan
    return float(answered.mean()), float(accuracy)


def coverage_curve(probabilities: Probabilities, truth: Labels) -> CoverageCurve:
    """Coverage and accuracy for thresholds 0.00, 0.01, … 0.99."""
    threshold = np.arange(100) / 100
    pairs = [coverage(probabilities, truth, t) for t in threshold]
    answered, accuracy = np.array(pairs).T
    return CoverageCurve(threshold, answered, accuracy)
