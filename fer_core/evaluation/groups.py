"""Figures for each group of images, and how far apart the groups are."""

import pandas as pd

from fer_core.evaluation.calibration import Labels
from fer_core.evaluation.evaluate import Evaluation, evaluate
from fer_core.types import Probabilities


def by_group(
    probabilities: Probabilities, truth: Labels, groups: pd.Series, threshold: float, seed: int = 0
) -> dict[str, Evaluation]:
    """Every figure of each group that has an image with a truth, by name.

    Args:
        probabilities: float32 (N, 7).
        truth: int (N,); -1 has no truth.
        groups: N names; rows where it is missing are left out.
        threshold: Confidence below which an answer is called uncertain.
        seed: Of the bootstrap.
    """
    names = groups.to_numpy()
    found = {}
    for name in sorted(groups.dropna().unique()):
        rows = (names == name) & (truth >= 0)
        if rows.any():
            found[str(name)] = evaluate(probabilities[rows], truth[rows], threshold, seed)
    return found


def gap(found: dict[str, Evaluation]) -> str:
    """The largest difference in accuracy between two groups, as a sentence.

    It says "may be chance" where the two intervals overlap.
    """
    if len(found) < 2:
        return "There is only one group: nothing to compare."
    order = sorted(found, key=lambda name: found[name].figures.accuracy)
    low, high = order[0], order[-1]
    worst, best = found[low], found[high]
    points = (best.figures.accuracy - worst.figures.accuracy) * 100
    overlap = worst.intervals.accuracy.high >= best.intervals.accuracy.low
    return (
        f"Largest gap: {points:.1f} points between {high} "
        f"({best.figures.accuracy * 100:.1f} % of {best.figures.n:,} right) and {low} "
        f"({worst.figures.accuracy * 100:.1f} % of {worst.figures.n:,})"
        + (". The intervals overlap: it may be chance." if overlap else ".")
    )
