"""Metrics of each group of images, and the gap between groups."""

import pandas as pd

from fer_core.evaluation.evaluate import Evaluation, evaluate
from fer_core.types import Labels, Probabilities


def by_group(
    probabilities: Probabilities, y_true: Labels, groups: pd.Series, threshold: float, seed: int = 0
) -> dict[str, Evaluation]:
    """Return the evaluation of each group that has a labelled image, by name.

    Args:
        probabilities: float32 (N, 7).
        y_true: int64 (N,); -1 is no label.
        groups: N names; rows where it is missing are left out.
        threshold: Confidence below which a prediction is shown as uncertain.
        seed: Of the bootstrap.
    """
    names = groups.to_numpy()
    evaluations = {}
    for name in sorted(groups.dropna().unique()):
        rows = (names == name) & (y_true >= 0)
        if rows.any():
            evaluations[str(name)] = evaluate(probabilities[rows], y_true[rows], threshold, seed)
    return evaluations


def gap(evaluations: dict[str, Evaluation]) -> str:
    """Return the largest difference in accuracy between two groups, as a sentence.

    It says "may be chance" where the two intervals overlap.
    """
    if len(evaluations) < 2:
        return "There is only one group: nothing to compare."
    order = sorted(evaluations, key=lambda name: evaluations[name].metrics.accuracy)
    low, high = order[0], order[-1]
    worst, best = evaluations[low], evaluations[high]
    points = (best.metrics.accuracy - worst.metrics.accuracy) * 100
    overlap = worst.intervals.accuracy.high >= best.intervals.accuracy.low
    return (
        f"Largest gap: {points:.1f} points between {high} "
        f"({best.metrics.accuracy:.1%} of {best.metrics.n:,} correct) and {low} "
        f"({worst.metrics.accuracy:.1%} of {worst.metrics.n:,})"
        + (". The intervals overlap: it may be chance." if overlap else ".")
    )
