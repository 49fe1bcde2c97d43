"""Groups of images: age band, skin tone, camera, site, or whatever a user knows of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from fer_core.dataset import joins
from fer_core.dataset.index import DatasetIndex
from fer_core.errors import DatasetError
from fer_core.system import csv_files, files
from fer_core.types import Rows

FILE: Final = "labels.csv"


@dataclass(frozen=True, slots=True, eq=False)
class JoinedGroups:
    """The groups of images, and what must be said of their join.

    Attributes:
        names: Group of each image, missing where the table has none for it.
        note: A sentence with every count.
    """

    names: pd.Series
    note: str


def find(index: DatasetIndex) -> JoinedGroups | None:
    """Return the groups from ``labels.csv`` in the dataset's folder or one below; None without.

    A ``labels.csv`` without a column ``group`` is of something else.

    Raises:
        DatasetError: There is such a table of groups, but it is damaged.
    """
    for pattern in (FILE, f"*/{FILE}"):
        for file in sorted(index.root.glob(pattern)):
            folder = file.parent.relative_to(index.root).as_posix()
            if file.is_file() and "group" in csv_files.header(file.read_bytes()):
                return load(file, index, folder)
    return None


def load(file: Path, index: DatasetIndex, folder: str = "") -> JoinedGroups | None:
    """Return the groups of a table with the columns ``file`` and ``group``.

    Args:
        file: The table.
        index: The dataset.
        folder: Folder below the dataset's root from which paths in the table may count too.

    Returns:
        None where the table has no column ``group``.

    Raises:
        DatasetError: The file is damaged or has no column ``file``.
    """
    with files.reading(file.name, DatasetError):
        data = file.read_bytes()
    return from_bytes(data, file.name, index, folder)  # strangers learn no folders


def from_bytes(
    data: bytes, name: str, index: DatasetIndex, folder: str = ""
) -> JoinedGroups | None:
    """Return the groups from a table's bytes; see ``load``. ``name`` is for messages."""
    try:
        source = csv_files.table(data, ("file", "group"), dtype="str")
        if "group" not in source:
            return None
        keys = source["file"].fillna("").tolist()
        names = source["group"].str.strip()
    except (ValueError, KeyError) as error:
        raise DatasetError(
            f"{name}: the groups cannot be read ({error}). It needs the columns file and group."
        ) from error
    contents = np.asarray(pd.util.hash_pandas_object(names, index=False), np.uint64)
    join = joins.by_path(index.table["file"].tolist(), keys, index.root, folder, contents)
    joined = names.reindex(np.where(join.has_row, join.rows, -1)).reset_index(drop=True)
    return JoinedGroups(joined, join.note(f"{name}: groups"))


def save(index: DatasetIndex, folder: Path, paths: Sequence[str], rows: Rows) -> None:
    """Write the groups of copied images into a new dataset.

    Args:
        index: The dataset that they come from.
        folder: The new dataset.
        paths: Path of each image in it (N,).
        rows: int64 (N,), the row of ``index`` that each was made of.
    """
    try:
        groups = find(index)
    except DatasetError:
        return  # the page of results names the damage; a copy needs no groups
    if groups is not None and groups.names.notna().any():
        names = groups.names.iloc[rows].to_numpy()
        table = pd.DataFrame({"file": list(paths), "group": names}).dropna()
        files.write_bytes(folder / FILE, table.to_csv(index=False).encode())
