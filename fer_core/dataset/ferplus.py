"""FER+ votes: the emotions that ten more annotators chose for each image.

Source: Barsoum et al., Training deep networks for facial expression recognition with
crowd-sourced label distribution, 2016 (https://github.com/microsoft/FERPlus).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from fer_core.dataset import fer2013_order, joins
from fer_core.dataset.index import DatasetIndex
from fer_core.dataset.joins import NONE, Join
from fer_core.dataset.vote_table import FORMAT, NAMES, VoteTable, majority_codes, parse
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS
from fer_core.system import csv_files
from fer_core.system.files import reading
from fer_core.types import Labels, Rows

SOURCES: Final = {"fer2013": "The dataset's labels", "ferplus": "FER+ majority of ten votes"}
"""Sources of the true labels. Heads of a model carry the same names."""

OFFICIAL: Final = "fer2013new.csv"
KEPT: Final = "votes.csv"
"""Name of the votes that imports and balancing write; it comes before the others."""

OLD_VOTES: Final = "was written by version 0.1.0"
"""Part of the note on votes that cannot be right."""

FILES: Final = (KEPT, "labels.csv", OFFICIAL)


@dataclass(frozen=True, slots=True, eq=False)
class JoinedVotes:
    """Votes of images, and what must be said of their join.

    Attributes:
        votes: int64 counts, a row for each image, columns ``EMOTIONS`` and ``other``; zeros for
            images without votes.
        notes: Sentences with every count.
    """

    votes: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def has_any(self) -> bool:
        """Return whether any image has votes."""
        return bool(self.votes.to_numpy().any())


def read(file: Path) -> bytes:
    """Return the bytes of a file, or raise a ``DatasetError`` that names it."""
    with reading(file, DatasetError):
        return file.read_bytes()


def join(table: VoteTable, index: DatasetIndex, folder: str = "") -> JoinedVotes:
    """Join votes to the images of a dataset; see ``joins`` and ``fer2013_order``.

    Args:
        table: The votes.
        index: The dataset.
        folder: Folder below the dataset's root that holds the table.
    """
    files = index.table["file"].tolist()
    notice = ""
    if table.usages is None:
        matched = joins.by_path(files, table.keys, index.root, folder, table.contents())
        if table.format < FORMAT and table.name.endswith(KEPT):  # joined row-numbered names wrongly
            matched, notice = _of_old_version(table, matched, index)
    else:
        splits, labels = index.table["split"].tolist(), index.label_codes()
        matched, notice = fer2013_order.by_name(table.order(), files, splits, labels, index.root)
    note = "" if notice and not matched.count else matched.note(f"{table.name}: FER+ votes")
    return JoinedVotes(table.select(matched), tuple(filter(None, (note, notice))))


def _of_old_version(table: VoteTable, matched: Join, index: DatasetIndex) -> tuple[Join, str]:
    """Return no rows where a ``votes.csv`` of 0.1.0 may hold the votes of other images."""
    stems = index.table["file"].str.rsplit("/", n=1).str[-1].str.rsplit(".", n=1).str[0]
    counts_rows = stems.str.match(r"fer\d{7}(?:-|$)")
    majority = np.where(matched.has_row, majority_codes(table.votes)[matched.rows], NONE)
    kappa = fer2013_order.agreement(index.label_codes(), majority)
    if not counts_rows.any() or (kappa is not None and kappa >= fer2013_order.LEAST_KAPPA):
        return matched, ""
    return replace(matched, rows=np.full(len(matched.rows), NONE), ambiguous=matched.count), (
        f"{table.name} {OLD_VOTES}, which gave images of a fer2013.csv the votes of other rows, so "
        "it is not used. Import fer2013.csv again with fer2013new.csv, and balance that."
    )


def find(index: DatasetIndex) -> DatasetIndex:
    """Return the dataset with the votes of a file in its folder or one below, where it has any.

    A table that cannot be used never keeps a dataset closed: a note names it and the reason.
    """
    notes: list[str] = []
    for pattern in ("", "*/"):
        for file_name in FILES:
            for file in sorted(index.root.glob(pattern + file_name)):
                votes = _from_file(file, index, notes)
                if votes is not None:
                    return replace(index, votes=votes, notes=(*index.notes, *notes))
    return replace(index, notes=(*index.notes, *notes)) if notes else index


def _from_file(file: Path, index: DatasetIndex, notes: list[str]) -> pd.DataFrame | None:
    name = file.relative_to(index.root).as_posix()
    try:
        data = read(file)
        table = parse(data, name)
    except DatasetError as error:
        reason = str(error).removeprefix(f"{file}: ").removeprefix(f"{name}: ")
        notes.append(f"{name} was not used: {reason}")
        return None
    if table is None:
        if "group" not in csv_files.header(data):
            notes.append(
                f"{name} was not used: it has no FER+ votes and no groups of these images."
            )
        return None
    joined = join(table, index, Path(name).parent.as_posix())
    notes.extend(joined.notes)
    return joined.votes if joined.has_any else None


def attach(index: DatasetIndex, file: Path) -> DatasetIndex:
    """Return the dataset with the votes of ``file``, and notes of their join.

    Raises:
        DatasetError: The file is damaged, or has no votes on any of the images.
    """
    return attach_bytes(index, read(file), str(file))


def attach_bytes(index: DatasetIndex, data: bytes, name: str = "The votes") -> DatasetIndex:
    """Return the dataset with votes from a file's bytes; see ``attach``."""
    table = parse(data, name)
    if table is None:
        raise DatasetError(
            f"{name}: holds no FER+ votes. Expected fer2013new.csv, or a table with the columns "
            "file and votes_anger to votes_nf."
        )
    return attach_joined(index, join(table, index), name)


def attach_joined(index: DatasetIndex, joined: JoinedVotes, name: str) -> DatasetIndex:
    """Return the dataset with joined votes; raises ``DatasetError`` where no image has any."""
    if not joined.has_any:
        raise DatasetError(
            f"{name}: no FER+ votes on the images of {index.root.name}. {' '.join(joined.notes)}"
        )
    return replace(index, votes=joined.votes, notes=(*index.notes, *joined.notes))


def table_bytes(votes: pd.DataFrame, files: Sequence[str]) -> bytes:
    """Return a ``votes.csv``: the votes, N rows, of the images at paths ``files`` (N,)."""
    table = pd.DataFrame({"file": list(files), "format": FORMAT})
    for ours, word in NAMES.items():
        table[f"votes_{word}"] = votes[ours].to_numpy()
    table = table.assign(votes_contempt=0, votes_unknown=votes["other"].to_numpy(), votes_nf=0)
    return table.to_csv(index=False).encode()


def save(index: DatasetIndex, folder: Path, files: Sequence[str], rows: Rows) -> None:
    """Write the votes of copied images as ``votes.csv`` into a new dataset.

    Args:
        index: The dataset that they come from.
        folder: The new dataset.
        files: Path of each image in it (N,).
        rows: int64 (N,), the row of ``index`` that each was made of.
    """
    if index.votes is not None:
        (folder / KEPT).write_bytes(table_bytes(index.votes.iloc[rows], files))


def majority(votes: pd.DataFrame) -> pd.Series:
    """Return the emotion with most votes, missing where ``other`` has as many or nobody voted."""
    codes = majority_codes(votes)
    names = pd.Series(np.asarray(EMOTIONS, object)[np.maximum(codes, 0)], dtype="str")
    return names.where(codes >= 0)


def true_labels(index: DatasetIndex, source: str) -> Labels:
    """Return the class of each image by one of ``SOURCES``, int64 (N,), -1 where it has none.

    ``fer2013`` is the dataset's own label. ``ferplus`` is the top vote where it is one of the
    seven emotions and holds at least half of all votes; images without votes have none.

    Raises:
        DatasetError: Votes are asked for and the dataset has none.
    """
    if source == "fer2013":
        return index.label_codes()
    if index.votes is None:
        raise DatasetError(
            f"{index.root.name} has no FER+ votes. Give them with --votes or on the page, or use "
            "the dataset's own labels."
        )
    counts = index.votes[list(EMOTIONS)].to_numpy()
    total = counts.sum(axis=1) + index.votes["other"].to_numpy()
    is_clear = (counts.max(axis=1) * 2 >= total) & (total > 0)
    return np.where(is_clear, counts.argmax(axis=1), NONE).astype(np.int64)
