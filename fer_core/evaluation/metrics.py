"""Figures of merit: accuracy, rates of each emotion, and how far answers drift to one of them.

``truth`` is int (N,) in ``EMOTIONS`` order, ``probabilities`` float (N, 7). All rates follow from
the confusion matrix, and are written so that they work on one matrix or on a stack of them.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fer_core.evaluation.calibration import Labels, calibration_error
from fer_core.labels import EMOTIONS
from fer_core.types import Probabilities

Matrix = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

RATES: Final = ("recall", "precision", "f1", "bias_ratio")


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
        return rounded(asdict(self), digits)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """Rates of confusion matrices (…, 7, 7): ``accuracy`` and ``macro_f1`` (…), others (…, 7).

    A rate whose denominator is 0 is 0.
    """

    accuracy: Numbers
    macro_f1: Numbers
    recall: Numbers
    precision: Numbers
    f1: Numbers
    bias_ratio: Numbers


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
    found = rates(matrix)
    per_class = {
        name: ClassFigures(
            int(matrix[i].sum()), *(float(getattr(found, rate)[i]) for rate in RATES)
        )
        for i, name in enumerate(EMOTIONS)
    }
    return Figures(
        n=len(truth),
        accuracy=float(found.accuracy),
        macro_f1=float(found.macro_f1),
        calibration_error=calibration_error(probabilities, truth),
        per_class=per_class,
    )


def confusion_matrix(truth: Labels, predicted: Labels) -> Matrix:
    """Counts (7, 7): rows are true, columns predicted."""
    size = len(EMOTIONS)
    return np.bincount(truth * size + predicted, minlength=size * size).reshape(size, size)


def rates(matrices: npt.NDArray[Any]) -> Rates:
    """Rates of one confusion matrix (7, 7) or a stack (…, 7, 7)."""
    hits = np.diagonal(matrices, axis1=-2, axis2=-1)
    true, predicted = matrices.sum(axis=-1), matrices.sum(axis=-2)
    f1 = _share(2 * hits, true + predicted)
    return Rates(
        accuracy=_share(hits.sum(axis=-1), true.sum(axis=-1)),
        macro_f1=_share((f1 * (true > 0)).sum(axis=-1), (true > 0).sum(axis=-1)),
        recall=_share(hits, true),
        precision=_share(hits, predicted),
        f1=f1,
        bias_ratio=_share(predicted, true),
    )


def rounded(value: Any, digits: int = 4) -> Any:
    """Plain values in which every float is rounded; tuples become lists, NaN becomes None."""
    if isinstance(value, dict):
        return {name: rounded(part, digits) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [rounded(part, digits) for part in value]
    if isinstance(value, float):
        return round(value, digits) if np.isfinite(value) else None
    return value


def _share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Numbers:
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.asarray(np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0))
