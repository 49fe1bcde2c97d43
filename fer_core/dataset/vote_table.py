"""Read tables of FER+ votes: Microsoft's, and those with a column ``file``."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core.dataset.fer2013_order import Order
from fer_core.dataset.joins import NONE, Join
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS
from fer_core.system import csv_files
from fer_core.system.files import check_format
from fer_core.types import Labels

FORMAT: Final = 2
"""Number of the format of ``votes.csv``. Version 0.1 wrote none, format 1."""

NAMES: Final = {
    "angry": "anger", "disgust": "disgust", "fear": "fear", "happy": "happiness",
    "neutral": "neutral", "sad": "sadness", "surprise": "surprise",
}  # fmt: skip
"""Our emotion to FER+'s word for it."""

OTHER: Final = ("contempt", "unknown", "nf")
"""Votes for none of the seven; ``nf`` is not a face."""

WORDS: Final = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", *OTHER,
)  # fmt: skip
"""The order of votes in Microsoft's tables."""

COLUMNS: Final = {
    "image name", "usage", "file", "format", *WORDS, *(f"votes_{word}" for word in WORDS),
}  # fmt: skip
"""Of both kinds of tables with a header."""

MAX_VOTES: Final = 1_000_000
"""Of one emotion for one image; more are a mistake."""


@dataclass(frozen=True, slots=True, eq=False)
class VoteTable:
    """A table of votes, not joined to images yet.

    Attributes:
        name: The file's name, for messages.
        keys: Image named in each of R rows, empty for none.
        votes: int64 counts, R rows, columns ``EMOTIONS`` and ``other``.
        usages: ``Usage`` of each row where the table is Microsoft's, else None.
        format: Of ``votes.csv``; 1 where the table does not say.
    """

    name: str
    keys: Sequence[str]
    votes: pd.DataFrame
    usages: Sequence[str] | None = None
    format: int = 1

    def order(self) -> Order:
        """Return what a join by order needs; of a table with ``usages`` alone."""
        return Order(self.keys, self.usages or (), majority_codes(self.votes), self.contents())

    def contents(self) -> npt.NDArray[np.uint64]:
        """Return uint64 (R,), equal where the votes of two rows are equal."""
        return np.asarray(pd.util.hash_pandas_object(self.votes, index=False), np.uint64)

    def select(self, join: Join) -> pd.DataFrame:
        """Return the votes of joined images, N rows, zeros where an image has no row."""
        votes = self.votes.iloc[np.maximum(join.rows, 0)].reset_index(drop=True)
        votes[~join.has_row] = 0
        return votes


def parse(data: bytes, name: str) -> VoteTable | None:
    """Return the votes of a table; None where it holds no votes.

    Args:
        data: The file's bytes: ``fer2013new.csv``, a table with the columns ``file`` and
            ``votes_<word>``, or a ``label.csv`` of Microsoft's folders, which has no header.
        name: The file's name, for messages.

    Raises:
        DatasetError: The table is damaged.
    """
    try:
        source = csv_files.table(data, COLUMNS)
        is_official = {"image name", "anger"} <= set(source.columns)
        prefix = "" if is_official else "votes_"
        if f"{prefix}anger" not in source:
            return _without_header(data, name)
        if source.empty:
            raise DatasetError(f"{name}: the table of FER+ votes has no rows. Add it again.")
        keys = source["image name"] if is_official else source["file"]
        counts = source[[prefix + word for word in WORDS]].set_axis(list(WORDS), axis=1)
        usages = source["usage"].astype("object").fillna("") if is_official else None
        version = source["format"].iloc[0] if "format" in source and len(source) else 1
        check_format({"format": int(version)}, FORMAT, name, DatasetError)
        votes = _counts(counts)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise DatasetError(
            f"{name}: the votes cannot be read ({error}). Expected fer2013new.csv, or the columns "
            "file and votes_anger to votes_nf. Correct the table or remove it."
        ) from error
    words = None if usages is None else usages.astype("str").str.strip().tolist()
    return VoteTable(name, _texts(keys), votes, words, int(version))


def _without_header(data: bytes, name: str) -> VoteTable | None:
    """Return the votes of ``name.png,"(0, 0, 48, 48)",4,0,0,1,3,2,0,0,0,0``, or None."""
    columns = ["file", "box", *WORDS]
    first = data[:200].decode("utf-8", "replace").partition("\n")[0]
    if first.count(",") < len(WORDS) or not first.rstrip().rsplit(",", 1)[-1].isdigit():
        return None
    try:
        rows = [row for row in csv_files.rows(data.decode().splitlines()) if row]
        widths = {len(row) for row in rows}
        if widths == {len(columns) - 1}:  # a version without boxes
            columns.remove("box")
        elif widths != {len(columns)}:
            return None
        source = pd.DataFrame(rows, columns=columns)
        return VoteTable(name, _texts(source["file"]), _counts(source[list(WORDS)]))
    except (ValueError, csv.Error):
        return None


def _texts(keys: pd.Series) -> list[str]:
    return keys.astype("object").fillna("").astype("str").str.strip().tolist()


def _counts(words: pd.DataFrame) -> pd.DataFrame:
    """Return counts of votes: columns ``EMOTIONS`` and ``other``."""
    numbers = words.astype(np.float64).clip(0, MAX_VOTES).fillna(0).astype(np.int64)
    counts = pd.DataFrame({ours: numbers[word] for ours, word in NAMES.items()})
    return counts.assign(other=numbers[list(OTHER)].sum(axis=1))


def majority_codes(votes: pd.DataFrame) -> Labels:
    """Return ``majority`` as positions in ``EMOTIONS``, int64 (N,), -1 for none."""
    counts = votes[list(EMOTIONS)].to_numpy()
    best = counts.max(axis=1)
    clear = (best > votes["other"].to_numpy()) & (best > 0)
    return np.where(clear, counts.argmax(axis=1), NONE).astype(np.int64)
