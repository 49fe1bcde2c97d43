"""Two models on the same images: the difference, and whether it is more than chance."""

from dataclasses import dataclass

import numpy as np

from fer_core.evaluation.bootstrap import LEVEL, RESAMPLES, Interval
from fer_core.evaluation.metrics import Rates, confusion_matrix, rates
from fer_core.labels import EMOTIONS
from fer_core.types import Labels, Mask, Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Changes from model A to model B.

    Attributes:
        n: Images with a label.
        accuracy: Accuracy of B minus that of A, and its paired bootstrap interval.
        macro_f1: The same of macro-F1.
        f1: The same of each emotion's F1.
        corrected: bool (N,), wrong by A and right by B.
        newly_wrong: bool (N,), right by A and wrong by B.
        p_value: McNemar's exact test: probability of so uneven a split of the images on which one
            is right and the other wrong, if both were equally good.
    """

    n: int
    accuracy: tuple[float, Interval]
    macro_f1: tuple[float, Interval]
    f1: dict[str, tuple[float, Interval]]
    corrected: Mask
    newly_wrong: Mask
    p_value: float


def compare(y_true: Labels, a: Labels, b: Labels, seed: int = 0) -> Comparison:
    """Compare the predictions of two models.

    Args:
        y_true: int64 (N,), indices into ``EMOTIONS``; rows with -1 are left out of the metrics.
        a: int64 (N,), predictions of model A.
        b: int64 (N,), predictions of model B.
        seed: Of the bootstrap.

    Raises:
        ValueError: The lengths differ, or no row has a label.
    """
    labelled = y_true >= 0
    if not (len(y_true) == len(a) == len(b)) or not labelled.any():
        raise ValueError(
            f"need one label and two predictions each. Received: {len(y_true)}, {len(a)}, {len(b)}"
        )
    drawn_a, drawn_b = _resampled(y_true[labelled], a[labelled], b[labelled], seed)
    first, second = (rates(confusion_matrix(y_true[labelled], x[labelled])) for x in (a, b))
    corrected = labelled & (a != y_true) & (b == y_true)
    newly_wrong = labelled & (a == y_true) & (b != y_true)
    difference = drawn_b.f1 - drawn_a.f1
    return Comparison(
        int(labelled.sum()),
        _change(first.accuracy, second.accuracy, drawn_b.accuracy - drawn_a.accuracy),
        _change(first.macro_f1, second.macro_f1, drawn_b.macro_f1 - drawn_a.macro_f1),
        {
            name: _change(first.f1[i], second.f1[i], difference[:, i])
            for i, name in enumerate(EMOTIONS)
        },
        corrected,
        newly_wrong,
        mcnemar(int(corrected.sum()), int(newly_wrong.sum())),
    )


def mcnemar(corrected: int, newly_wrong: int) -> float:
    """Return the two-sided exact p-value that images change sides evenly.

    Source: McNemar, Note on the sampling error of the difference between correlated proportions,
    1947, with binomial in place of chi-square.
    """
    from scipy.stats import binomtest

    changed = corrected + newly_wrong
    return float(binomtest(corrected, changed).pvalue) if changed else 1.0


def _resampled(y_true: Labels, a: Labels, b: Labels, seed: int) -> tuple[Rates, Rates]:
    """Return the rates of A and B on the same resamples: cells (true, a, b) drawn together."""
    size = len(EMOTIONS)
    cells = np.bincount((y_true * size + a) * size + b, minlength=size**3)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(y_true), cells / len(y_true), RESAMPLES)
    drawn = drawn.reshape(-1, size, size, size)
    return rates(drawn.sum(axis=3)), rates(drawn.sum(axis=2))


def _change(first: Numbers, second: Numbers, drawn: Numbers) -> tuple[float, Interval]:
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(second - first), Interval(float(low), float(high))
