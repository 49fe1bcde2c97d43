"""Measures of imbalance, and loss weights that compensate for it."""

from collections.abc import Mapping
from typing import Final

BALANCED: Final = 1.05
"""Classes whose imbalance ratio is below this count as balanced."""


def imbalance(counts: Mapping[str, int]) -> float:
    """Return the imbalance ratio: largest class / smallest class, infinite if one is empty."""
    largest, smallest = max(counts.values()), min(counts.values())
    return largest / smallest if smallest else float("inf")


def effective_number(count: int, beta: float = 0.999) -> float:
    """Return the effective number of samples ``(1 - beta ** count) / (1 - beta)``.

    Source: Cui et al., Class-balanced loss based on effective number of samples, 2019, eq. 2.
    """
    return float((1 - beta**count) / (1 - beta))


def class_weights(counts: Mapping[str, int]) -> dict[str, float]:
    """Return loss weights ``total / (classes * count)``: every class has the same total weight.

    Empty classes get weight 0. Source: scikit-learn's ``class_weight="balanced"``, after King and
    Zeng, Logistic regression in rare events data, 2001.
    """
    present = [count for count in counts.values() if count]
    share = sum(present) / max(len(present), 1)
    return {name: share / count if count else 0.0 for name, count in counts.items()}
