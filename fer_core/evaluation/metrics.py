"""Accuracy, rates of each emotion, and the ratio of predicted to true share.

All rates follow from the confusion matrix, and are written so that they work on one matrix or on a
stack of them. Shapes: ``y_true`` is int64 (N,) in ``EMOTIONS`` order, ``probabilities`` float32
(N, 7).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fer_core.evaluation.calibration import calibration_error
from fer_core.labels import EMOTIONS
from fer_core.types import Labels, Numbers, Probabilities

Matrix = npt.NDArray[np.int64]

RATES: Final = ("recall", "precision", "f1", "prediction_ratio")


@dataclass(frozen=True, slots=True)
class ClassMetrics:
    """Metrics of one emotion.

    Attributes:
        n: Images of it.
        recall: Share of them that are predicted as it, 0..1.
        precision: Share of the predictions of it that are right, 0..1.
        f1: Harmonic mean of both.
        prediction_ratio: Predicted share over true share; above 1 the emotion is over-predicted.
    """

    n: int
    recall: float
    precision: float
    f1: float
    prediction_ratio: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics of all emotions; ``macro_f1`` is the plain mean over the emotions present."""

    n: int
    accuracy: float
    macro_f1: float
    calibration_error: float
    per_class: dict[str, ClassMetrics]

    def rounded(self, digits: int = 4) -> dict[str, Any]:
        """Return plain rounded values, for a card or a JSON file."""
        return rounded(asdict(self), digits)  # type: ignore[no-any-return]

    @property
    def weakest(self) -> str:
        """The emotion with the lowest recall among those present."""
        present = [name for name, values in self.per_class.items() if values.n]
        return min(present, key=lambda name: self.per_class[name].recall)

    @property
    def absent(self) -> tuple[str, ...]:
        """The emotions of which there is no image."""
        return tuple(name for name, values in self.per_class.items() if not values.n)


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
    prediction_ratio: Numbers


def compute_metrics(probabilities: Probabilities, y_true: Labels) -> Metrics:
    """Return all metrics of float32 (N, 7) probabilities and int64 (N,) labels.

    Raises:
        ValueError: There are no images, or the lengths differ.
    """
    if len(y_true) == 0 or len(y_true) != len(probabilities):
        raise ValueError(
            f"need images, one true label each. Received: {len(probabilities)}, {len(y_true)}"
        )
    matrix = confusion_matrix(y_true, probabilities.argmax(axis=1))
    values = rates(matrix)
    per_class = {
        name: ClassMetrics(
            int(matrix[i].sum()), *(float(getattr(values, rate)[i]) for rate in RATES)
        )
        for i, name in enumerate(EMOTIONS)
    }
    return Metrics(
        n=len(y_true),
        accuracy=float(values.accuracy),
        macro_f1=float(values.macro_f1),
        calibration_error=calibration_error(probabilities, y_true),
        per_class=per_class,
    )


def confusion_matrix(y_true: Labels, y_pred: Labels) -> Matrix:
    """Return counts, int64 (7, 7), of int64 (N,) labels: rows are true, columns predicted."""
    size = len(EMOTIONS)
    return np.bincount(y_true * size + y_pred, minlength=size * size).reshape(size, size)


def rates(matrices: npt.NDArray[Any]) -> Rates:
    """Return the rates of one confusion matrix (7, 7) or a stack (K, 7, 7)."""
    hits = np.diagonal(matrices, axis1=-2, axis2=-1)
    true, predicted = matrices.sum(axis=-1), matrices.sum(axis=-2)
    f1 = _share(2 * hits, true + predicted)
    return Rates(
        accuracy=_share(hits.sum(axis=-1), true.sum(axis=-1)),
        macro_f1=_share((f1 * (true > 0)).sum(axis=-1), (true > 0).sum(axis=-1)),
        recall=_share(hits, true),
        precision=_share(hits, predicted),
        f1=f1,
        prediction_ratio=_share(predicted, true),
    )


def class_values(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of one class of a card; version 0.1 called the ratio ``bias_ratio``."""
    values = dict(stored)
    if "bias_ratio" in values:
        values.setdefault("prediction_ratio", values.pop("bias_ratio"))
    return {name: values[name] for name in ("n", *RATES) if name in values}


def rounded(value: Any, digits: int = 4) -> Any:
    """Return plain values in which every float is rounded; tuples become lists, NaN None."""
    if isinstance(value, dict):
        return {name: rounded(part, digits) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [rounded(part, digits) for part in value]
    if isinstance(value, float):
        return round(value, digits) if np.isfinite(value) else None
    return value


def _share(part: npt.NDArray[Any], total: npt.NDArray[Any]) -> Numbers:
    part, total = np.asarray(part, np.float64), np.asarray(total, np.float64)
    return np.asarray(np.divide(part, total, out=np.zeros(part.shape), where=total > 0))
