"""Recognise tables that hold images as text, as ``fer2013.csv`` does."""

import csv
from typing import Final

from fer_core.errors import DatasetError

COLUMNS: Final = {
    "emotion": {"emotion", "emotions", "label", "labels", "expression", "class"},
    "pixels": {"pixels", "pixel"},
    "usage": {"usage", "split", "set"},
}
"""Our name of a column to those that files give it, in small letters and without blanks."""


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
            f"columns emotion, pixels and Usage. Received: {', '.join(plain[:8]) or 'no header'}."
        )
    return positions


def is_pixel_table(line: str) -> bool:
    """Return whether a header names the columns ``emotion`` and ``pixels``."""
    try:
        columns(next(csv.reader([line], delimiter=delimiter(line)), []))
    except (DatasetError, csv.Error):
        return False
    return True
