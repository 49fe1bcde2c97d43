"""The pictures of a split in memory, ready for the network, with a target for each reading."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from fer_core.dataset import DatasetIndex, ferplus, image_reading
from fer_core.errors import ImageError, TrainingError
from fer_core.images.crop import network_input
from fer_core.labels import EMOTIONS
from fer_core.system.parallel import Progress

Floats = npt.NDArray[np.float32]

MOST_UNREADABLE: Final = 0.01
"""Share of unreadable pictures above which nothing is trained: the dataset is damaged."""

CHUNK: Final = 256


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """One split.

    Attributes:
        pixels: uint8 (N, size, size, channels).
        labels: int64 (N,), the dataset's labels as places in ``EMOTIONS``.
        votes: float32 (N, 7), shares of the FER+ votes for the seven emotions; a row of zeros
            where nobody voted for one of them. Votes for contempt, unknown and not-a-face are
            left out. None where the dataset has no votes.
        majority: int64 (N,), what most voted for, -1 where that is unclear (see ``votes.truth``);
            None without votes.
        files: Paths below the dataset's root.
        skipped: Files that could not be read.
    """

    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    votes: Floats | None
    majority: npt.NDArray[np.int64] | None
    files: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def truth(self, head: str) -> npt.NDArray[np.int64]:
        """What ``reading`` should answer, int64 (N,): the label or the majority of votes."""
        if head == "fer2013" or self.majority is None:
            return self.labels
        return self.majority

    def counts(self) -> npt.NDArray[np.int64]:
        """Pictures a class, int64 (7,)."""
        return np.bincount(self.labels, minlength=len(EMOTIONS))


def load(
    index: DatasetIndex, split: str, size: int, channels: int, progress: Progress | None = None
) -> Samples:
    """Read the pictures of one split, made square and resized as the recogniser does.

    Every backend gets the same pixels: files are read by ``dataset.pixels`` and not by
    ``image_dataset_from_directory``, which knows neither relabelled or left-out pictures nor
    votes, and whose JPEG decoding and resizing differ from the recogniser's.

    Raises:
        TrainingError: The split is empty, or more than 1 % of its pictures cannot be read.
    """
    index = index.split(split)
    if not len(index):
        raise TrainingError(f"{index.root}: there are no pictures in the split {split!r}.")
    bad = list(index.table["file"][~index.is_readable])
    index = index.readable()
    kept: list[int] = []
    parts: list[npt.NDArray[np.uint8]] = []
    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(index), CHUNK):
            rows = range(start, min(start + CHUNK, len(index)))
            read = list(pool.map(_read, (index.path(row) for row in rows)))
            good = [(row, one) for row, one in zip(rows, read, strict=True) if one is not None]
            bad += [index.table["file"].iloc[row] for row, one in zip(rows, read, strict=True)
                    if one is None]  # fmt: skip
            parts.append(network_input((p for _, p in good), size, channels).astype(np.uint8))
            kept += [row for row, _ in good]
            if progress:
                progress(rows.stop, len(index))
    _check_unreadable(index.root, bad, len(kept))
    return Samples(
        pixels=np.concatenate(parts),
        labels=index.label_codes()[kept],
        votes=_votes(index, kept),
        majority=None if index.votes is None else ferplus.true_labels(index, "ferplus")[kept],
        files=tuple(index.table["file"].iloc[kept]),
        skipped=tuple(bad),
    )


def check(samples: Mapping[str, Samples], heads: tuple[str, ...]) -> None:
    """Is there enough to train on?

    Raises:
        TrainingError: A split holds one class only, or lacks the votes that a reading needs.
    """
    for split, one in samples.items():
        if np.count_nonzero(one.counts()) < 2:
            raise TrainingError(
                f"the split {split!r} holds pictures of one class only; training needs two or more."
            )
        if "ferplus" in heads and (one.votes is None or not one.votes.any()):
            raise TrainingError(
                "the reading ferplus needs FER+ votes, and this dataset has none. "
                "Put fer2013new.csv beside it or train the reading fer2013 alone."
            )


def _read(path: Path) -> npt.NDArray[np.uint8] | None:
    try:
        return image_reading.read_face(path)
    except ImageError:
        return None


def _check_unreadable(root: Path, bad: list[str], good: int) -> None:
    if not good or len(bad) > MOST_UNREADABLE * (good + len(bad)):
        names = ", ".join(bad[:3])
        raise TrainingError(
            f"{root}: {len(bad)} of {good + len(bad)} pictures cannot be read ({names}). "
            "More than 1 % means that the dataset is damaged: repair it or remove these files."
        )


def _votes(index: DatasetIndex, kept: list[int]) -> Floats | None:
    if index.votes is None:
        return None
    counts = index.votes[list(EMOTIONS)].to_numpy(np.float32)[kept]
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), np.float32)
