"""How far figures could be off by chance: bootstrap intervals.

A resample of N pictures changes the figures only through its confusion matrix, and that matrix is
a multinomial draw of N from the measured one. So thousands of resamples cost milliseconds.
Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13 (percentiles).
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from fer_core.evaluation.metrics import RATES, Matrix, Numbers, Rates, rates, rounded
from fer_core.labels import EMOTIONS

RESAMPLES: Final = 2000
LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """Holds the true value in ``LEVEL`` of all cases."""

    low: float
    high: float

    def text(self, digits: int = 2) -> str:
        """``0.12–0.34``; a dash where all resamples agree, which says nothing of chance."""
        if self.low == self.high:
            return "–"
        return f"{self.low:.{digits}f}–{self.high:.{digits}f}"


@dataclass(frozen=True, slots=True)
class Intervals:
    """An interval for each figure; ``per_class`` by emotion, then by the names in ``RATES``."""

    accuracy: Interval
    macro_f1: Interval
    per_class: dict[str, dict[str, Interval]]

    def rounded(self, digits: int = 4) -> dict[str, Any]:
        """As plain values for a card: each interval a pair of numbers."""
        return rounded(_pairs(asdict(self)), digits)  # type: ignore[no-any-return]


def bootstrap(matrix: Matrix, seed: int = 0, resamples: int = RESAMPLES) -> Intervals:
    """95 % intervals for the figures of a confusion matrix.

    Where every picture of a class is right, or none, the resamples do not differ; the exact
    binomial bound takes their place there (0.69..1 for 10 of 10).

    Args:
        matrix: int (7, 7), rows true, columns predicted.
        seed: Of the resamples.
        resamples: How many.
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
    """Confusion matrices (resamples, 7, 7) of pictures drawn with replacement."""
    total = int(matrix.sum())
    drawn = np.random.default_rng(seed).multinomial(total, matrix.ravel() / total, resamples)
    return drawn.reshape(-1, *matrix.shape)


def _quantiles(drawn: Rates, at: float) -> Rates:
    names = Rates.__dataclass_fields__
    return Rates(**{name: np.asarray(np.quantile(getattr(drawn, name), at, 0)) for name in names})


def _widen(low: Rates, high: Rates, matrix: Matrix) -> None:
    """Put the exact bound where a rate is 0 or 1; in place."""
    found = rates(matrix)
    for name, axis in (("accuracy", None), ("recall", 1), ("precision", 0)):
        reach = _reach(matrix.sum(axis=axis))
        rate = getattr(found, name)
        getattr(low, name)[...] = np.where(rate == 1, 1 - reach, getattr(low, name))
        getattr(high, name)[...] = np.where(rate == 0, reach, getattr(high, name))


def _reach(trials: Matrix) -> Numbers:
    """Largest share that none of ``trials`` may hide; 1 where nothing was tried.

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
