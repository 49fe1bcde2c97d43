"""Measures of imbalance, and loss weights that make up for it."""

from collections.abc import Mapping


def imbalance(counts: Mapping[str, int]) -> float:
    """Images in the largest class for each in the smallest; infinite where one is empty."""
    largest, smallest = max(counts.values()), min(counts.values())
    return largest / smallest if smallest else float("inf")


def effective_number(count: int, beta: float = 0.999) -> float:
    """How many different images ``count`` are worth when the n-th adds ``beta ** n``.

    Source: Cui et al., Class-balanced loss based on effective number of samples, 2019, eq. 2.
    """
    return float((1 - beta**count) / (1 - beta))


def class_weights(counts: Mapping[str, int]) -> dict[str, float]:
    """Loss weights ``total / (classes * count)``: every class counts the same in sum.

    Empty classes get weight 0. Source: scikit-learn's ``class_weight="balanced"``, after King and
    Zeng, Logistic regression in rare events data, 2001.
    """
    present = [count for count in counts.values() if count]
    share = sum(present) / max(len(present), 1)
    return {name: share / count if count else 0.0 for name, count in counts.items()}
