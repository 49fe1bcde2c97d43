"""Two models on the same images: is the difference more than chance?"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fer_core.evaluation.bootstrap import LEVEL, RESAMPLES, Interval
from fer_core.evaluation.calibration import Labels
from fer_core.evaluation.metrics import Numbers, Rates, confusion_matrix, rates
from fer_core.labels import EMOTIONS


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What changes from A to B.

    Attributes:
        n: Images with a truth.
        accuracy: Accuracy of B minus that of A, and its paired bootstrap interval.
        macro_f1: The same of macro-F1.
        f1: The same of each emotion's F1.
        fixed: bool (N,), wrong by A and right by B.
        broken: bool (N,), right by A and wrong by B.
        p_value: McNemar's exact test: how often chance alone makes so uneven a split of the images
            on which one is right and the other wrong.
    """

    n: int
    accuracy: tuple[float, Interval]
    macro_f1: tuple[float, Interval]
    f1: dict[str, tuple[float, Interval]]
    fixed: npt.NDArray[np.bool_]
    broken: npt.NDArray[np.bool_]
    p_value: float


def compare(truth: Labels, a: Labels, b: Labels, seed: int = 0) -> Comparison:
    """Compare the answers of two models.

    Args:
        truth: int (N,), places in ``EMOTIONS``; rows with -1 are left out of the figures.
        a: int (N,), answers of the one model.
        b: int (N,), answers of the other.
        seed: Of the bootstrap.

    Raises:
        ValueError: The lengths differ, or no row has a truth.
    """
    known = truth >= 0
    if not (len(truth) == len(a) == len(b)) or not known.any():
        raise ValueError(f"need one truth and two answers each. Received: {len(truth)}, {len(a)}")
    drawn_a, drawn_b = _resampled(truth[known], a[known], b[known], seed)
    first, second = (rates(confusion_matrix(truth[known], x[known])) for x in (a, b))
    fixed, broken = known & (a != truth) & (b == truth), known & (a == truth) & (b != truth)
    difference = drawn_b.f1 - drawn_a.f1
    return Comparison(
        int(known.sum()),
        _change(first.accuracy, second.accuracy, drawn_b.accuracy - drawn_a.accuracy),
        _change(first.macro_f1, second.macro_f1, drawn_b.macro_f1 - drawn_a.macro_f1),
        {
            name: _change(first.f1[i], second.f1[i], difference[:, i])
            for i, name in enumerate(EMOTIONS)
        },
        fixed,
        broken,
        mcnemar(int(fixed.sum()), int(broken.sum())),
    )


def mcnemar(fixed: int, broken: int) -> float:
    """Two-sided exact p-value that images change sides evenly.

    Source: McNemar, Note on the sampling error of the difference between correlated proportions,
    1947, with binomial in place of chi-square.
    """
    from scipy.stats import binomtest

    return float(binomtest(fixed, fixed + broken).pvalue) if fixed + broken else 1.0


def _resampled(truth: Labels, a: Labels, b: Labels, seed: int) -> tuple[Rates, Rates]:
    """Rates of A and B on the same resamples: cells (truth, a, b) drawn together."""
    size = len(EMOTIONS)
    cells = np.bincount((truth * size + a) * size + b, minlength=size**3)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(truth), cells / len(truth), RESAMPLES)
    drawn = drawn.reshape(-1, size, size, size)
    return rates(drawn.sum(axis=3)), rates(drawn.sum(axis=2))


def _change(before: Numbers, after: Numbers, drawn: Numbers) -> tuple[float, Interval]:
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(after - before), Interval(float(low), float(high))
