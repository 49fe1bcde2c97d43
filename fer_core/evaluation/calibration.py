"""Calibration: reliability, temperature scaling, prior correction, abstaining."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from fer_core.models.softmax import softmax
from fer_core.types import Labels, Logits, Numbers, Probabilities

BINS: Final = 15
"""Equal-width bins of the calibration error (Guo et al., On calibration of modern neural
networks, 2017)."""

CORRECTION_SHARE: Final = 0.75
"""Share of the full prior correction that is applied: all of it would fit chance."""

PRIOR_COUNT: Final = 5
"""Images of an emotion at which half of its correction is trusted."""

MIN_NEIGHBORS: Final = 20
"""Fewest predictions near a confidence from which the abstain threshold is set."""


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Predictions by their confidence, in ``BINS`` bins of equal width from 0 to 1.

    Attributes:
        count: int (BINS,), predictions in each bin.
        confidence: float (BINS,), their mean confidence; NaN where there is none.
        accuracy: float (BINS,), share of them that is right; NaN where there is none.
    """

    count: Labels
    confidence: Numbers
    accuracy: Numbers

    @property
    def error(self) -> float:
        """Expected calibration error, 0..1."""
        gaps = np.abs(self.accuracy - self.confidence)
        return float(np.nansum(gaps * self.count) / self.count.sum())


@dataclass(frozen=True, slots=True, eq=False)
class CoverageCurve:
    """Coverage and accuracy that abstaining below a threshold leaves; float (K,) each.

    ``coverage`` is the share of images at or above ``threshold``, ``accuracy`` the share of those
    that is right (NaN where there is none).
    """

    threshold: Numbers
    coverage: Numbers
    accuracy: Numbers

    def at(self, threshold: float) -> tuple[float, float]:
        """Return coverage and accuracy at the point of the curve nearest to ``threshold``."""
        point = int(np.abs(self.threshold - threshold).argmin())
        return float(self.coverage[point]), float(self.accuracy[point])


def reliability(probabilities: Probabilities, y_true: Labels) -> Reliability:
    """Return the accuracy at each confidence of float32 (N, 7) and int64 (N,) labels."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    correct = probabilities.argmax(axis=1) == y_true
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    divisor = np.where(count, count, np.nan)
    return Reliability(
        count,
        np.bincount(bins, confidence, minlength=BINS) / divisor,
        np.bincount(bins, correct, minlength=BINS) / divisor,
    )


def calibration_error(probabilities: Probabilities, y_true: Labels) -> float:
    """Return the expected calibration error, 0..1, of float32 (N, 7) and int64 (N,) labels."""
    return reliability(probabilities, y_true).error


def fit_temperature(logits: Logits, y_true: Labels) -> float:
    """Return the temperature in 0.25..4 with the least cross-entropy.

    Args:
        logits: float32 (N, 7).
        y_true: int64 (N,).
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(y_true))

    def cross_entropy(log_temperature: float) -> float:
        scaled = softmax(logits / np.float32(np.exp(log_temperature)))
        return float(-np.log(scaled[rows, y_true] + 1e-12).mean(dtype=np.float64))

    bounds = np.log([0.25, 4.0])
    best = minimize_scalar(cross_entropy, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return float(np.exp(best.x))


def prior_correction(logits: Logits, y_true: Labels) -> Numbers:
    """Return what to add to the logits so that predicted shares come nearer to true shares.

    The correction that would make the shares equal on these images, times ``CORRECTION_SHARE``, and
    times ``n / (n + PRIOR_COUNT)`` for an emotion with ``n`` of them. Chosen by cross-fitting on
    PublicTest: the prediction ratios of the shipped network went from 0.70-1.20 to 0.84-1.05 for
    0.4 points of accuracy; see docs/model.md.

    Args:
        logits: float32 (N, 7).
        y_true: int64 (N,).

    Returns:
        float64 (7,).
    """
    count = np.bincount(y_true, minlength=logits.shape[1])
    shifts = np.zeros(logits.shape[1])
    for _ in range(300):
        predicted = np.bincount((logits + shifts).argmax(axis=1), minlength=len(shifts))
        step = np.log((count + len(y_true) * 1e-3) / (predicted + len(y_true) * 1e-3))
        shifts += 0.05 * np.where(count > 0, step, 0.0)
    return np.asarray(CORRECTION_SHARE * shifts * count / (count + PRIOR_COUNT))


def abstain_threshold(
    probabilities: Probabilities, y_true: Labels, max_abstained: float = 0.15
) -> float:
    """Return the confidence under which a prediction is shown as uncertain.

    The largest t at which predictions within 0.05 of t are right less than half the time, but never
    so large that more than ``max_abstained`` of the images are below it; 0 where there is none.

    Args:
        probabilities: float32 (N, 7).
        y_true: int64 (N,).
        max_abstained: Largest share of images that may be uncertain, 0..1.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == y_true
    highest = float(np.quantile(confidence, max_abstained))
    for threshold in np.arange(0.99, 0.0, -0.01):
        near = np.abs(confidence - threshold) <= 0.05
        if near.sum() >= MIN_NEIGHBORS and correct[near].mean() < 0.5:
            return min(float(threshold), highest)
    return 0.0


def coverage(probabilities: Probabilities, y_true: Labels, threshold: float) -> tuple[float, float]:
    """Return the share of images at or above ``threshold``, and the accuracy on those.

    The accuracy is NaN where there is no such image.

    Args:
        probabilities: float32 (N, 7).
        y_true: int64 (N,).
        threshold: Confidence, 0..1.
    """
    covered = probabilities.max(axis=1) >= threshold
    correct = probabilities.argmax(axis=1) == y_true
    accuracy = correct[covered].mean() if covered.any() else np.nan
    return float(covered.mean()), float(accuracy)


def coverage_curve(probabilities: Probabilities, y_true: Labels) -> CoverageCurve:
    """Return ``coverage`` of float32 (N, 7) and int64 (N,) at thresholds 0.00, 0.01, … 0.99."""
    threshold = np.arange(100) / 100
    covered, accuracy = np.array([coverage(probabilities, y_true, t) for t in threshold]).T
    return CoverageCurve(threshold, covered, accuracy)
