"""How good are probabilities? Figures of merit, temperature and the abstain threshold.

``truth`` is int (N,) in ``EMOTIONS`` order, ``probabilities`` float (N, 7).
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fer_core.classifier import Probabilities, softmax
from fer_core.labels import EMOTIONS

Labels = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float32]

BINS: Final = 15
"""Equal-width bins of the calibration error (Guo et al., On calibration of modern neural
networks, 2017)."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One emotion.

    Attributes:
        n: Pictures of it.
        recall: Share of them that were found.
        precision: Share of the answers naming it that are right.
        f1: Harmonic mean of both.
        bias_ratio: Share predicted over share true; 1 is unbiased.
    """

    n: int
    recall: float
    precision: float
    f1: float
    bias_ratio: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All emotions together; ``macro_f1`` is the plain mean over the emotions present."""

    n: int
    accuracy: float
    macro_f1: float
    calibration_error: float
    per_class: dict[str, ClassFigures]

    def rounded(self, digits: int = 4) -> dict[str, Any]:
        """As plain values for a card, rounded."""
        return _rounded(asdict(self), digits)  # type: ignore[no-any-return]


def measure(probabilities: Probabilities, truth: Labels) -> Figures:
    """All figures at once.

    Raises:
        ValueError: There are no pictures, or the lengths differ.
    """
    if len(truth) == 0 or len(truth) != len(probabilities):
        raise ValueError(
            f"need pictures, one truth each. Received: {len(probabilities)}, {len(truth)}"
        )
    matrix = confusion_matrix(truth, probabilities.argmax(axis=1))
    per_class = {name: _class_figures(matrix, i) for i, name in enumerate(EMOTIONS)}
    return Figures(
        n=len(truth),
        accuracy=float(matrix.trace() / len(truth)),
        macro_f1=float(np.mean([one.f1 for one in per_class.values() if one.n])),
        calibration_error=calibration_error(probabilities, truth),
        per_class=per_class,
    )


def confusion_matrix(truth: Labels, predicted: Labels) -> Labels:
    """Counts (7, 7): rows are true, columns predicted."""
    size = len(EMOTIONS)
    return np.bincount(truth * size + predicted, minlength=size * size).reshape(size, size)


def calibration_error(probabilities: Probabilities, truth: Labels) -> float:
    """Expected calibration error of the top answers, 0..1, over ``BINS`` bins."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.abs(np.bincount(bins, right - confidence, minlength=BINS))
    return float(gaps.sum() / len(truth))


def fit_temperature(logits: Logits, truth: Labels) -> float:
    """The temperature in 0.25..4 with the least cross-entropy, to 0.5 %."""
    grid = np.geomspace(0.25, 4, 556)
    rows = np.arange(len(truth))
    losses = [-np.log(softmax(logits / np.float32(t))[rows, truth] + 1e-12).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])


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
        if near.sum() >= 20 and right[near].mean() < 0.5:
            return min(float(threshold), highest)
    return 0.0


def coverage(probabilities: Probabilities, truth: Labels, threshold: float) -> tuple[float, float]:
    """Share of pictures answered at ``threshold``, and the accuracy on those (NaN for none)."""
    answered = probabilities.max(axis=1) >= threshold
    right = probabilities.argmax(axis=1) == truth
    accuracy = right[answered].mean() if answered.any() else np.nan
    return float(answered.mean()), float(accuracy)


def _class_figures(matrix: Labels, index: int) -> ClassFigures:
    hits, true, predicted = matrix[index, index], matrix[index].sum(), matrix[:, index].sum()
    return ClassFigures(
        n=int(true),
        recall=_share(hits, true),
        precision=_share(hits, predicted),
        f1=_share(2 * hits, true + predicted),
        bias_ratio=_share(predicted, true),
    )


def _share(part: np.int64, whole: np.int64) -> float:
    return float(part / whole) if whole else 0.0


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(part, digits) for name, part in value.items()}
    return round(value, digits) if isinstance(value, float) else value
