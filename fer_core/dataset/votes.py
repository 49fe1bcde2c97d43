"""FER+ votes: what ten more annotators saw in each image.

Source: Barsoum et al., Training deep networks for facial expression recognition with
crowd-sourced label distribution, 2016 (https://github.com/microsoft/FERPlus).
"""

import io
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core.dataset.index import DatasetIndex
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS

Codes = npt.NDArray[np.int64]

NAMES: Final = {
    "angry": "anger", "disgust": "disgust", "fear": "fear", "happy": "happiness",
    "neutral": "neutral", "sad": "sadness", "surprise": "surprise",
}  # fmt: skip
"""Our emotion to FER+'s word for it."""

OTHER: Final = ("contempt", "unknown", "nf")
"""Votes for none of the seven; ``nf`` is not a face."""

SOURCES: Final = {"fer2013": "The dataset's labels", "ferplus": "FER+ majority of ten votes"}
"""Where the truth may come from. Readings of a model carry the same names."""

OFFICIAL: Final = "fer2013new.csv"
MOST_VOTES: Final = 1_000_000
"""Of one emotion for one image; more are a mistake."""

FILES: Final = ("labels.csv", OFFICIAL)


def find(root: Path, table: pd.DataFrame) -> pd.DataFrame | None:
    """The votes of the rows of ``table`` from a file in ``root`` or one folder below; or None.

    Raises:
        DatasetError: There is such a file, but it is damaged.
    """
    for pattern in ("", "*/"):
        for name in FILES:
            for file in sorted(root.glob(pattern + name)):
                return load(file, table)
    return None


def load(file: Path, table: pd.DataFrame) -> pd.DataFrame | None:
    """Read FER+ votes for the rows of ``table``.

    Args:
        file: ``fer2013new.csv`` (one row an image, in the order of ``fer2013.csv``) or a table
            with a column ``file`` and columns ``votes_<word>``.
        table: The table of a ``DatasetIndex``.

    Returns:
        int64 counts, columns ``EMOTIONS`` and ``other``, zeros for images without votes. None
        where the file has no votes at all.

    Raises:
        DatasetError: The file is damaged.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read ({error.strerror}).") from error
    return from_bytes(data, str(file), table)


def from_bytes(data: bytes, name: str, table: pd.DataFrame) -> pd.DataFrame | None:
    """As ``load``, from the file's bytes; by its name ``fer2013new.csv`` is known."""
    official = name.endswith(OFFICIAL)
    try:
        source = pd.read_csv(io.BytesIO(data))
        source.columns = [str(column).strip().lower() for column in source.columns]
        prefix = "" if official else "votes_"
        if prefix + "anger" not in source:
            return None
        counts = pd.DataFrame({ours: source[prefix + word] for ours, word in NAMES.items()})
        counts["other"] = source[[prefix + word for word in OTHER]].sum(axis=1)
        counts = counts.astype(np.float64).clip(0, MOST_VOTES).fillna(0).astype(np.int64)
        key = source["image name"] if official else source["file"]
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise DatasetError(
            f"{name}: the votes cannot be read ({error}). Take the file away or replace it."
        ) from error
    counts.index = pd.Index(key.fillna("").astype("str").map(_stem))
    counts = counts[~counts.index.duplicated() & (counts.index != "")]
    found = counts.reindex(table["file"].map(_stem)).fillna(0).astype(np.int64)
    return found.reset_index(drop=True)


def attach(index: DatasetIndex, file: Path) -> DatasetIndex:
    """The dataset with the votes of ``file``; see ``load``.

    Raises:
        DatasetError: The file is damaged, or has no votes on any of the images.
    """
    found = load(file, index.table)
    if found is None or not found.to_numpy().any():
        raise DatasetError(f"{file}: no FER+ votes on the images of {index.root.name}.")
    return replace(index, votes=found)


def majority(votes: pd.DataFrame) -> pd.Series:
    """The emotion with most votes, or missing where ``other`` has as many or nobody voted."""
    counts = votes[list(EMOTIONS)].to_numpy()
    best = counts.max(axis=1)
    clear = (best > votes["other"].to_numpy()) & (best > 0)
    names = pd.Series(np.asarray(EMOTIONS, object)[counts.argmax(axis=1)], dtype="str")
    return names.where(clear)


def truth(index: DatasetIndex, source: str) -> Codes:
    """The class (N,) of each image by one of ``SOURCES``, -1 where it has none.

    ``fer2013`` is the dataset's own label. ``ferplus`` is the top vote where it is one of the
    seven emotions and holds at least half of all votes; images without votes have none.

    Raises:
        DatasetError: Votes are asked for and the dataset has none.
    """
    if source == "fer2013":
        return index.label_codes()
    if index.votes is None:
        raise DatasetError(
            f"{index.root.name} has no FER+ votes. Put fer2013new.csv beside its images, or choose "
            "the dataset's own labels."
        )
    return _clear_majority(index.votes)


def truth_of(source: str, table: pd.DataFrame) -> Codes:
    """As ``truth``, for a table with the columns ``label`` and ``votes_<word>``."""
    if source == "fer2013":
        return np.asarray(table["label"].map(EMOTIONS.index), np.int64)
    counts = pd.DataFrame({name: table[f"votes_{word}"] for name, word in NAMES.items()})
    counts["other"] = table[[f"votes_{word}" for word in OTHER]].sum(axis=1)
    return _clear_majority(counts)


def _clear_majority(votes: pd.DataFrame) -> Codes:
    counts = votes[list(EMOTIONS)].to_numpy()
    total = counts.sum(axis=1) + votes["other"].to_numpy()
    is_clear = (counts.max(axis=1) * 2 >= total) & (total > 0)
    return np.where(is_clear, counts.argmax(axis=1), -1).astype(np.int64)


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
