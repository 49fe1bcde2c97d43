"""FER+ votes: what ten more annotators saw in each image.

Source: Barsoum et al., Training deep networks for facial expression recognition with
crowd-sourced label distribution, 2016 (https://github.com/microsoft/FERPlus).
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from fer_core.dataset.index import DatasetIndex
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS

NAMES: Final = {
    "angry": "anger", "disgust": "disgust", "fear": "fear", "happy": "happiness",
    "neutral": "neutral", "sad": "sadness", "surprise": "surprise",
}  # fmt: skip
"""Our emotion to FER+'s word for it."""

OTHER: Final = ("contempt", "unknown", "nf")
"""Votes for none of the seven; ``nf`` is not a face."""

OFFICIAL: Final = "fer2013new.csv"
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
        source = pd.read_csv(file)
        source.columns = [str(name).strip().lower() for name in source.columns]
        prefix = "" if file.name == OFFICIAL else "votes_"
        if prefix + "anger" not in source:
            return None
        counts = pd.DataFrame({name: source[prefix + word] for name, word in NAMES.items()})
        counts["other"] = source[[prefix.lower() + word for word in OTHER]].sum(axis=1)
        key = source["image name"] if file.name == OFFICIAL else source["file"]
    except (OSError, ValueError, KeyError) as error:
        raise DatasetError(
            f"{file}: the votes cannot be read ({error}). Take the file away or replace it."
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


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
