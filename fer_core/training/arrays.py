"""The images of a split in memory, ready for the network, with labels for each head."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from fer_core.dataset import DatasetIndex, ferplus, image_reading
from fer_core.errors import ImageError, TrainingError
from fer_core.images.crop import network_input
from fer_core.labels import EMOTIONS
from fer_core.system.parallel import Progress
from fer_core.types import Floats, Labels, Pixels

MOST_UNREADABLE: Final = 0.01
"""Share of unreadable images above which nothing is trained: the dataset is damaged."""

CHUNK: Final = 256


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """One split.

    Attributes:
        pixels: uint8 (N, size, size, channels).
        labels: int64 (N,), the dataset's labels as positions in ``EMOTIONS``.
        votes: float32 (N, 7), shares of the FER+ votes for the seven emotions; a row of zeros
            where none of them got a vote. Votes for contempt, unknown and not-a-face are
            left out. None where the dataset has no votes.
        majority: int64 (N,), the emotion with most votes, -1 where that is unclear;
            None without votes.
        files: Paths below the dataset's root.
        skipped: Files that could not be read.
    """

    pixels: Pixels
    labels: Labels
    votes: Floats | None
    majority: Labels | None
    files: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    def y_true(self, head: str) -> Labels:
        """Return the true labels of a head, int64 (N,): the label or the majority of votes."""
        if head == "fer2013" or self.majority is None:
            return self.labels
        return self.majority

    def counts(self) -> Labels:
        """Return the images a class, int64 (7,)."""
        return np.bincount(self.labels, minlength=len(EMOTIONS))


def load(
    index: DatasetIndex, split: str, size: int, channels: int, progress: Progress | None = None
) -> Samples:
    """Read the images of one split, made square and resized as the recognizer does.

    Every backend gets the same pixels: files are read by ``dataset.image_reading`` and not by
    ``image_dataset_from_directory``, which knows neither relabelled or excluded images nor votes,
    and whose JPEG decoding and resizing differ from the recognizer's.

    Args:
        index: The dataset.
        split: ``train``, ``validation`` or ``test``.
        size: Side of the square result in pixels.
        channels: 1 for grey, 3 for RGB.
        progress: Called with the number of images read and of all.

    Raises:
        TrainingError: The split is empty, or more than 1% of its images cannot be read.
    """
    index = index.split(split)
    if not len(index):
        raise TrainingError(f"{index.root}: there are no images in the split {split!r}.")
    unreadable = list(index.table["file"][~index.is_readable])
    index = index.readable()
    kept_rows: list[int] = []
    parts: list[Pixels] = []
    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(index), CHUNK):
            rows = range(start, min(start + CHUNK, len(index)))
            results = list(pool.map(_read, (index.path(row) for row in rows)))
            pairs = list(zip(rows, results, strict=True))
            faces = [(row, face) for row, face in pairs if face is not None]
            unreadable += [index.table["file"].iloc[row] for row, face in pairs if face is None]
            parts.append(
                network_input((face for _, face in faces), size, channels).astype(np.uint8)
            )
            kept_rows += [row for row, _ in faces]
            if progress:
                progress(rows.stop, len(index))
    _check_unreadable(index.root, unreadable, len(kept_rows))
    return Samples(
        pixels=np.concatenate(parts),
        labels=index.label_codes()[kept_rows],
        votes=_votes(index, kept_rows),
        majority=None if index.votes is None else ferplus.true_labels(index, "ferplus")[kept_rows],
        files=tuple(index.table["file"].iloc[kept_rows]),
        skipped=tuple(unreadable),
    )


def check(samples: Mapping[str, Samples], heads: tuple[str, ...]) -> None:
    """Check that there is enough to train on.

    Raises:
        TrainingError: A split holds one class only, or lacks the votes that a head needs.
    """
    for split, data in samples.items():
        if np.count_nonzero(data.counts()) < 2:
            raise TrainingError(
                f"the split {split!r} holds images of one class only; training needs two or more."
            )
        if "ferplus" in heads and (data.votes is None or not data.votes.any()):
            raise TrainingError(
                "the head ferplus needs FER+ votes, and this dataset has none. "
                "Put fer2013new.csv beside it or train the head fer2013 alone."
            )


def _read(path: Path) -> Pixels | None:
    try:
        return image_reading.read_face(path)
    except ImageError:
        return None


def _check_unreadable(root: Path, unreadable: list[str], readable: int) -> None:
    total = readable + len(unreadable)
    if not readable or len(unreadable) > MOST_UNREADABLE * total:
        names = ", ".join(unreadable[:3])
        raise TrainingError(
            f"{root}: {len(unreadable)} of {total} images cannot be read ({names}). "
            "More than 1% means that the dataset is damaged: repair it or remove these files."
        )


def _votes(index: DatasetIndex, rows: list[int]) -> Floats | None:
    if index.votes is None:
        return None
    counts = index.votes[list(EMOTIONS)].to_numpy(np.float32)[rows]
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), np.float32)
