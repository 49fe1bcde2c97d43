"""Account for every file of a split: evaluated, or left out and why."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fer_core.dataset import DatasetIndex
from fer_core.labels import EMOTIONS
from fer_core.types import Labels


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Counts of one split; ``evaluated`` and the reasons add up to ``listed``.

    Attributes:
        listed: Image files of the split in folders of the seven emotions.
        unreadable: Files that are no image or are damaged.
        excluded: Images that a decision leaves out.
        unlabelled: Images without a label of the kind that is evaluated, such as those without a
            clear FER+ majority.
        evaluated: Images that the metrics are computed from.
        absent: Emotions without an evaluated image.
        notes: Sentences of the scan on files outside the splits and emotions; see ``DatasetIndex``.
    """

    listed: int
    unreadable: int
    excluded: int
    unlabelled: int
    evaluated: int
    absent: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ``ValueError`` unless the counts add up."""
        reasons = self.unreadable + self.excluded + self.unlabelled
        if self.listed != self.evaluated + reasons:
            raise ValueError(f"{self.listed} listed, {self.evaluated} + {reasons} accounted for")

    def lines(self) -> tuple[str, ...]:
        """Return sentences: the sum, then the emotions without images."""
        parts = [
            f"{count:,} {words}"
            for count, words in (
                (self.unreadable, "unreadable"),
                (self.excluded, "left out by a decision"),
                (self.unlabelled, "without a label of this kind"),
            )
            if count
        ]
        total = f"{self.evaluated:,} of {self.listed:,} images evaluated"
        lines = [f"{total}; left out: {', '.join(parts)}." if parts else f"{total}."]
        if self.absent:
            lines.append(
                f"No images of {', '.join(self.absent)}: the metrics do not cover "
                f"{'it' if len(self.absent) == 1 else 'them'}."
            )
        return tuple(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return asdict(self)


def count_exclusions(
    index: DatasetIndex, split: str, y_true: Labels, excluded: int = 0
) -> Exclusions:
    """Return the account of one split.

    Args:
        index: The whole dataset, unreadable files included.
        split: The split that is evaluated.
        y_true: int64 (N,), labels of the split's readable images; -1 for none.
        excluded: Images among those with -1 that a decision leaves out.
    """
    in_split = np.asarray(index.table["split"] == split, np.bool_)
    labelled = y_true[y_true >= 0]
    counts = np.bincount(labelled, minlength=len(EMOTIONS))
    return Exclusions(
        listed=int(in_split.sum()),
        unreadable=int((in_split & ~index.is_readable).sum()),
        excluded=excluded,
        unlabelled=len(y_true) - len(labelled) - excluded,
        evaluated=len(labelled),
        absent=tuple(name for name, count in zip(EMOTIONS, counts, strict=True) if not count),
        notes=index.notes,
    )
