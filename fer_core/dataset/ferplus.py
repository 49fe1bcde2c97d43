"""FER+ votes: what ten more annotators saw in each image.

Source: Barsoum et al., Training deep networks for facial expression recognition with
crowd-sourced label distribution, 2016 (https://github.com/microsoft/FERPlus).
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core.dataset.index import DatasetIndex
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS
from fer_core.system import csv_files
from fer_core.system.files import reading

Codes = npt.NDArray[np.int64]

NAMES: Final = {
    "angry": "anger", "disgust": "disgust", "fear": "fear", "happy": "happiness",
    "neutral": "neutral", "sad": "sadness", "surprise": "surprise",
}  # fmt: skip
"""Our emotion to FER+'s word for it."""

OTHER: Final = ("contempt", "unknown", "nf")
"""Votes for none of the seven; ``nf`` is not a face."""

COLUMNS: Final = {
    "image name", "file", *NAMES.values(), *OTHER,
    *(f"votes_{word}" for word in (*NAMES.values(), *OTHER)),
}  # fmt: skip
"""Of both kinds of tables of votes."""

SOURCES: Final = {"fer2013": "The dataset's labels", "ferplus": "FER+ majority of ten votes"}
"""Where the truth may come from. Readings of a model carry the same names."""

OFFICIAL: Final = "fer2013new.csv"
MOST_VOTES: Final = 1_000_000
"""Of one emotion for one image; more are a mistake."""

KEPT: Final = "votes.csv"
"""How imports and balancing call the votes they keep; it comes before the others."""

FILES: Final = (KEPT, "labels.csv", OFFICIAL)


def find(root: Path, table: pd.DataFrame) -> pd.DataFrame | None:
    """The votes of the rows of ``table`` from a file in ``root`` or one folder below; or None.

    Raises:
        DatasetError: There is such a file, but it is damaged.
    """
    for pattern in ("", "*/"):
        for name in FILES:
            for file in sorted(root.glob(pattern + name)):
                found = load(file, table, file.parent.relative_to(root).as_posix())
                if found is not None:
                    return found
    return None


def load(file: Path, table: pd.DataFrame, folder: str = "") -> pd.DataFrame | None:
    """Read FER+ votes for the rows of ``table``.

    Images are matched by their path below the dataset or below ``folder`` in it, or by their name
    alone.

    Args:
        file: ``fer2013new.csv``, known by its column ``image name``, or a table with a column
            ``file`` and columns ``votes_<word>``.
        table: The table of a ``DatasetIndex``.
        folder: Folder below the dataset's root from which paths may count too.

    Returns:
        int64 counts, columns ``EMOTIONS`` and ``other``, zeros for images without votes. None
        where the file has no votes at all.

    Raises:
        DatasetError: The file is damaged.
    """
    return from_bytes(read(file), str(file), table, folder)


def read(file: Path) -> bytes:
    """The file's bytes, or a ``DatasetError`` that names it."""
    with reading(file, DatasetError):
        return file.read_bytes()


def from_bytes(
    data: bytes, name: str, table: pd.DataFrame, folder: str = ""
) -> pd.DataFrame | None:
    """As ``load``, from the file's bytes; ``name`` is for messages."""
    try:
        source = csv_files.table(data, COLUMNS)
        official = {"image name", "anger"} <= set(source.columns)
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
    counts.index = pd.Index(key.astype("object").fillna("").astype("str").str.strip())
    files = table["file"].astype("str")
    inside = files.str.removeprefix(f"{folder}/")
    by_path = _rows(counts, files).fillna(_rows(counts, inside))
    counts.index = counts.index.map(_stem)
    return by_path.fillna(_rows(counts, files.map(_stem))).fillna(0).astype(np.int64)


def _rows(counts: pd.DataFrame, names: pd.Series) -> pd.DataFrame:
    """The first row of each name, or missing values."""
    known = counts[~counts.index.duplicated() & (counts.index != "")]
    return known.reindex(names).reset_index(drop=True)


def keep(index: DatasetIndex, folder: Path, files: pd.Series, rows: Codes) -> None:
    """Write beside copied images what is known of them.

    Args:
        index: Where they come from.
        folder: The new dataset.
        files: Path (N,) of each image in it.
        rows: int64 (N,), the row of ``index`` that each was made of.
    """
    for name in FILES:
        if (index.root / name).is_file():
            shutil.copyfile(index.root / name, folder / name)
    if index.votes is None:
        return
    counts = index.votes.iloc[rows].reset_index(drop=True)
    table = pd.DataFrame({"file": files.to_numpy()})
    for ours, word in NAMES.items():
        table[f"votes_{word}"] = counts[ours]
    table = table.assign(votes_contempt=0, votes_unknown=counts["other"], votes_nf=0)
    (folder / KEPT).write_bytes(table.to_csv(index=False).encode())


def attach(index: DatasetIndex, file: Path) -> DatasetIndex:
    """The dataset with the votes of ``file``; see ``load``.

    Raises:
        DatasetError: The file is damaged, or has no votes on any of the images.
    """
    return attach_bytes(index, read(file), str(file))


def attach_bytes(index: DatasetIndex, data: bytes, name: str = "The votes") -> DatasetIndex:
    """As ``attach``, from the file's bytes; ``name`` is for messages."""
    found = from_bytes(data, name, index.table)
    _check_any(found, name, index.root.name)
    return replace(index, votes=found)


def add(folder: Path, name: str, listed: Sequence[str], data: bytes | None) -> None:
    """Put votes into a new dataset's folder, and see that it can be opened with what is there.

    Args:
        folder: Where it is being written.
        name: What it will be called.
        listed: Its images, as their paths below ``folder``.
        data: The votes that were given with it; None for none.

    Raises:
        DatasetError: Votes given, or found among its files, are damaged; or those given are about
            none of the images.
    """
    table = pd.DataFrame({"file": list(listed)})
    if data is not None:
        _check_any(from_bytes(data, "The votes", table), "The votes", name)
        (folder / KEPT).write_bytes(data)
    try:
        find(folder, table)
    except DatasetError as error:
        raise DatasetError(str(error).replace(str(folder), name)) from error


def _check_any(found: pd.DataFrame | None, votes: str, dataset: str) -> None:
    if found is None or not found.to_numpy().any():
        raise DatasetError(f"{votes}: no FER+ votes on the images of {dataset}.")


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


def _clear_majority(votes: pd.DataFrame) -> Codes:
    counts = votes[list(EMOTIONS)].to_numpy()
    total = counts.sum(axis=1) + votes["other"].to_numpy()
    is_clear = (counts.max(axis=1) * 2 >= total) & (total > 0)
    return np.where(is_clear, counts.argmax(axis=1), -1).astype(np.int64)


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
