"""Recognise tables that hold images as text, as ``fer2013.csv`` does."""

import csv
import gzip
import os
from pathlib import Path
from typing import Final

from fer_core.errors import DatasetError
from fer_core.system.paths import is_hidden

COLUMNS: Final = {
    "emotion": {"emotion", "emotions", "label", "labels", "expression", "class"},
    "pixels": {"pixels", "pixel"},
    "usage": {"usage", "split", "set"},
}
"""Our name of a column to those that files give it, in small letters and without blanks."""


MAX_DEPTH: Final = 3
GZIP: Final = b"\x1f\x8b"


def delimiter(line: str) -> str:
    """Return the character between the values of a header: comma, semicolon or tab."""
    return max(",;\t", key=line.count)


def columns(header: list[str]) -> dict[str, int]:
    """Return the position of each of ``COLUMNS``, -1 where there is no ``usage``.

    Raises:
        DatasetError: ``emotion`` or ``pixels`` is missing.
    """
    plain = [name.strip().strip('"').lower() for name in header]
    positions = {
        ours: next((position for position, name in enumerate(plain) if name in names), -1)
        for ours, names in COLUMNS.items()
    }
    missing = [name for name in ("emotion", "pixels") if positions[name] < 0]
    if missing:
        raise DatasetError(
            f"The CSV has no column {' and no '.join(missing)}. Use Kaggle's fer2013.csv, with the "
            "columns emotion, pixels and Usage. Received: "
            f"{', '.join(name[:20] for name in plain[:8]) or 'no header'}."
        )
    return positions


def is_pixel_table(line: str) -> bool:
    """Return whether a header names the columns ``emotion`` and ``pixels``."""
    try:
        columns(next(csv.reader([line], delimiter=delimiter(line)), []))
    except (DatasetError, csv.Error):
        return False
    return True


def pixel_tables(root: Path) -> list[Path]:
    """Return the CSVs of pixels in a folder or a few levels below, gzipped or not."""
    tables = []
    for folder, folders, names in os.walk(root):
        if len(Path(folder).relative_to(root).parts) >= MAX_DEPTH:
            folders.clear()
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(names):
            file = Path(folder) / name
            is_csv = name.lower().endswith((".csv", ".gz")) and not is_hidden(name)
            if is_csv and is_pixel_file(file):
                tables.append(file)
    return tables


def is_pixel_file(file: Path) -> bool:
    """Return whether a file is a CSV of pixels, gzipped or not, whatever its name."""
    return is_pixel_table(_first_line(file))


def _first_line(file: Path) -> str:
    try:
        with file.open("rb") as raw:
            packed = raw.read(2) == GZIP
            raw.seek(0)
            line = (gzip.GzipFile(fileobj=raw) if packed else raw).readline(2000)
    except (OSError, EOFError):
        return ""
    return line.decode("utf-8-sig", "replace")
