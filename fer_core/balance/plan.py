"""Plan a balanced training split: one target count for each class."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from fer_core.dataset.index import DatasetIndex
from fer_core.errors import DatasetError

STRATEGIES: Final = ("largest", "median")


@dataclass(frozen=True, slots=True)
class Plan:
    """Training images of each emotion before and after balancing.

    Attributes:
        counts: Images before.
        target_count: Images after; a total, not the number to add.
    """

    counts: Mapping[str, int]
    target_count: Mapping[str, int]

    @property
    def extra_count(self) -> dict[str, int]:
        """Images to make, for each emotion."""
        return {name: max(self.target_count[name] - n, 0) for name, n in self.counts.items()}

    @property
    def removed_count(self) -> dict[str, int]:
        """Images to leave out, for each emotion."""
        return {name: max(n - self.target_count[name], 0) for name, n in self.counts.items()}

    @property
    def changes_anything(self) -> bool:
        """True if a target differs from its count."""
        return any(self.extra_count.values()) or any(self.removed_count.values())


def plan(
    counts: Mapping[str, int],
    strategy: str | int | Mapping[str, int] = "largest",
    undersample: bool = False,
) -> Plan:
    """Return the targets of a strategy.

    Args:
        counts: Training images of each emotion.
        strategy: ``largest`` or ``median`` (of the classes that have images), a number for every
            class, or a target for some classes; the others stay as they are.
        undersample: Reduce classes above the target to it, by a random choice. Otherwise they
            stay, and a target for one class below its count is an error.

    Raises:
        DatasetError: An unknown strategy or class, a target below 1 or, see above, below the
            count, or above 0 for a class without images.
    """
    present = [count for count in counts.values() if count]
    if not present:
        raise DatasetError("There are no training images to balance.")
    if isinstance(strategy, Mapping):
        return Plan(dict(counts), _explicit_targets(counts, strategy, undersample))
    if strategy == "largest":
        level = max(present)
    elif strategy == "median":
        level = int(statistics.median(present))
    elif isinstance(strategy, int) and strategy >= 1:
        level = strategy
    else:
        raise DatasetError(
            f"A strategy is {', '.join(STRATEGIES)}, a number from 1, or targets by class. "
            f"Received: {strategy!r}."
        )
    least = dict.fromkeys(counts, 0) if undersample else counts
    return Plan(
        dict(counts), {name: max(level, least[name]) if n else 0 for name, n in counts.items()}
    )


def _explicit_targets(
    counts: Mapping[str, int], targets: Mapping[str, int], undersample: bool
) -> dict[str, int]:
    for name, target in targets.items():
        if name not in counts:
            raise DatasetError(f"There is no class {name!r}. Use {', '.join(counts)}.")
        if target < 1 and counts[name]:
            raise DatasetError(f"The target of {name} must be at least 1. Received: {target}.")
        if target > 0 and not counts[name]:
            raise DatasetError(f"{name} has no image to start from: its target must be 0.")
        if target < counts[name] and not undersample:
            raise DatasetError(
                f"The target of {name}, {target:,}, is below its {counts[name]:,} images. "
                "Raise it, or allow undersampling."
            )
    return {name: int(targets.get(name, count)) for name, count in counts.items()}


def train_counts(index: DatasetIndex) -> dict[str, int]:
    """Return the number of readable training images of each emotion."""
    train = index.table[index.is_readable & np.asarray(index.table["split"] == "train")]
    return {str(name): int(n) for name, n in train["label"].value_counts(sort=False).items()}
