"""Bootstrap intervals of the metrics.

A resample of N images changes the metrics only through its confusion matrix, and that matrix is
a multinomial draw of N from the measured one. So thousands of resamples cost milliseconds.
Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13 (percentiles).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from fer_core.evaluation.metrics import RATES, Matrix, Rates, class_values, rates, rounded
from fer_core.labels import EMOTIONS
from fer_core.types import Numbers

RESAMPLES: Final = 2000
LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """Holds the true value in ``LEVEL`` of all cases."""

    low: float
    high: float

    def text(self, digits: int = 2) -> str:
        """Return ``0.12–0.34``; a dash where all resamples agree, which tells nothing of chance."""
        if self.low == self.high:
            return "–"
        return f"{self.low:.{digits}f}–{self.high:.{digits}f}"


@dataclass(frozen=True, slots=True)
class Intervals:
    """An interval of each metric; ``per_class`` by emotion, then by the names in ``RATES``."""

    accuracy: Interval
    macro_f1: Interval
    per_class: dict[str, dict[str, Interval]]

    def rounded(self, digits: int = 4) -> dict[str, Any]:
        """Return plain values for a card: each interval a pair of numbers."""
        return rounded(_pairs(asdict(self)), digits)  # type: ignore[no-any-return]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Intervals":
        """Return the intervals of ``rounded``."""
        per_class = {
            emotion: {name: Interval(*pair) for name, pair in class_values(pairs).items()}
            for emotion, pairs in values["per_class"].items()
        }
        return cls(Interval(*values["accuracy"]), Interval(*values["macro_f1"]), per_class)


def bootstrap(matrix: Matrix, seed: int = 0, resamples: int = RESAMPLES) -> Intervals:
    """Return 95% intervals of the metrics of a confusion matrix.

    Where every image of a class is right, or none, the resamples do not differ; the exact
    binomial bound takes their place there (0.69..1 for 10 of 10).

    Args:
        matrix: int64 (7, 7), rows true, columns predicted.
        seed: Of the resamples.
        resamples: Number of resamples.
    """
    drawn = rates(resample(matrix, seed, resamples))
    low, high = (_quantiles(drawn, at) for at in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    _widen(low, high, matrix)
    per_class = {
        name: {
            rate: Interval(float(getattr(low, rate)[i]), float(getattr(high, rate)[i]))
            for rate in RATES
        }
        for i, name in enumerate(EMOTIONS)
    }
    return Intervals(
        Interval(float(low.accuracy), float(high.accuracy)),
        Interval(float(low.macro_f1), float(high.macro_f1)),
        per_class,
    )


def resample(matrix: Matrix, seed: int, resamples: int = RESAMPLES) -> Matrix:
    """Return confusion matrices, int64 (resamples, 7, 7), of images drawn with replacement."""
    total = int(matrix.sum())
    drawn = np.random.default_rng(seed).multinomial(total, matrix.ravel() / total, resamples)
    return drawn.reshape(-1, *matrix.shape)


def _quantiles(drawn: Rates, at: float) -> Rates:
    names = Rates.__dataclass_fields__
    return Rates(**{name: np.asarray(np.quantile(getattr(drawn, name), at, 0)) for name in names})


def _widen(low: Rates, high: Rates, matrix: Matrix) -> None:
    """Put the exact bound where a rate is 0 or 1; in place."""
    measured = rates(matrix)
    for name, axis in (("accuracy", None), ("recall", 1), ("precision", 0)):
        bound = _zero_successes_bound(matrix.sum(axis=axis))
        rate = getattr(measured, name)
        getattr(low, name)[...] = np.where(rate == 1, 1 - bound, getattr(low, name))
        getattr(high, name)[...] = np.where(rate == 0, bound, getattr(high, name))


def _zero_successes_bound(trials: Matrix) -> Numbers:
    """Return the upper bound of a rate with no success in ``trials``; 1 without trials.

    Source: Clopper and Pearson, 1934, at 0 successes.
    """
    power = np.divide(1, trials, out=np.full(np.shape(trials), np.inf), where=trials > 0)
    return np.asarray(1 - ((1 - LEVEL) / 2) ** power, np.float64)


def _pairs(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"low", "high"}:
            return [value["low"], value["high"]]
        return {name: _pairs(part) for name, part in value.items()}
    return value
