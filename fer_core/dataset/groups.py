"""Groups of images: age band, skin tone, camera, site, or whatever a user knows of them."""

from pathlib import Path
from typing import Final

import pandas as pd

from fer_core.errors import DatasetError
from fer_core.system import csv_files
from fer_core.system.files import reading

FILE: Final = "labels.csv"


def find(root: Path, table: pd.DataFrame) -> pd.Series | None:
    """The group of each row of ``table`` from ``labels.csv`` in ``root`` or one below; or None.

    Raises:
        DatasetError: There is such a file, but it is damaged.
    """
    for pattern in (FILE, f"*/{FILE}"):
        for file in sorted(root.glob(pattern)):
            return load(file, table, file.parent.relative_to(root).as_posix())
    return None


def load(file: Path, table: pd.DataFrame, folder: str = "") -> pd.Series | None:
    """Read the columns ``file`` and ``group`` for the rows of ``table``.

    Images are matched by their path below the dataset or below ``folder`` in it, or by name alone
    where the CSV gives names.

    Returns:
        A name an image, missing where the CSV says nothing of it. None where the CSV has no column
        ``group``.

    Raises:
        DatasetError: The file is damaged or has no column ``file``.
    """
    with reading(file.name, DatasetError):
        data = file.read_bytes()
    return from_bytes(data, file.name, table, folder)  # strangers learn no folders


def from_bytes(data: bytes, name: str, table: pd.DataFrame, folder: str = "") -> pd.Series | None:
    """As ``load``, from the file's bytes; ``name`` is for messages."""
    try:
        source = csv_files.table(data, ("file", "group"), dtype="str")
        if "group" not in source:
            return None
        groups = pd.Series(source["group"].to_numpy(), index=source["file"].str.strip())
    except (ValueError, KeyError) as error:
        raise DatasetError(
            f"{name}: the groups cannot be read ({error}). It needs the columns file and group."
        ) from error
    groups = groups[~groups.index.duplicated()]
    files = table["file"].astype("str")
    inside, alone = files.str.removeprefix(f"{folder}/"), files.str.rsplit("/", n=1).str[-1]
    by_path, by_inside, by_name = (
        groups.reindex(names).reset_index(drop=True) for names in (files, inside, alone)
    )
    return by_path.fillna(by_inside).fillna(by_name)
