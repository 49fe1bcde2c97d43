"""Take in Kaggle's ``fer2013.csv``: pixels as text, one row an image."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TextIO

import cv2
import numpy as np

from fer_core.dataset import ferplus, store
from fer_core.errors import DatasetError
from fer_core.system import csv_files
from fer_core.system.files import reading
from fer_core.system.parallel import Progress
from fer_core.types import Pixels

LABELS: Final = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""Kaggle's own order of the numbers 0 to 6."""

USAGES: Final = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
SIDE: Final = 48
BYTES_AN_IMAGE: Final = 4096
"""Disk space of one 48x48 PNG: a block."""

ROWS: Final = 35_887
"""Rows of the original file, for the progress shown."""


def import_csv(
    source: Path | TextIO,
    name: str,
    home: Path | None = None,
    progress: Progress | None = None,
    votes: bytes | None = None,
) -> Path:
    """Write the images of a ``fer2013.csv`` as a new dataset of PNG files.

    Files are called ``fer0000000.png`` and on by their row, as ``fer2013new.csv`` names them, so
    that FER+ votes find their images.

    Args:
        source: A path, or an open text file. Columns ``emotion``, ``pixels`` and, unless all is
            training data, ``Usage``.
        name: What to call the dataset; a number is added where the name is taken.
        home: The store; see ``store``.
        progress: See ``chunks.Progress``.
        votes: The bytes of ``fer2013new.csv``, to keep beside the images.

    Returns:
        The dataset's folder.

    Raises:
        DatasetError: The file cannot be read, lacks a column, a row is short or wrong, or the votes
            are damaged or about other images.
    """
    name = store.free_name(name, home)
    with store.new_dataset(name, ROWS * BYTES_AN_IMAGE, home) as folder:
        if isinstance(source, Path):
            with reading(source, DatasetError):
                text = source.open(newline="", encoding="utf-8-sig")
            with text:
                places = _write_all(text, folder, progress)
        else:
            places = _write_all(source, folder, progress)
        ferplus.add(folder, name, places, votes)
    return (home or store.default_home()) / name


def _write_all(text: Iterable[str], folder: Path, progress: Progress | None) -> list[str]:
    """Write every image; their paths below ``folder``."""
    places = []
    for done, (place, pixels) in enumerate(rows(text), start=1):
        places.append(place)
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
        if progress and done % 256 == 0:
            progress(done, max(done, ROWS))
    if not places:
        raise DatasetError("The CSV holds no rows. Use Kaggle's fer2013.csv.")
    return places


def rows(text: Iterable[str]) -> Iterator[tuple[str, Pixels]]:
    """Every image with its path below the dataset: ``train/happy/fer0000007.png``, uint8 (48, 48).

    Raises:
        DatasetError: A column is missing, or a row is short or wrong; the row is named.
    """
    try:
        table = filter(None, csv_files.rows(text))
        header = next(table, [])
        missing = {"emotion", "pixels"} - set(header)
        if missing:
            raise DatasetError(
                f"The CSV has no column {' and no '.join(sorted(missing))}. Use Kaggle's "
                "fer2013.csv, with the columns emotion, pixels and Usage."
            )
        for number, values in enumerate(table):
            yield _row(number, dict.fromkeys(header) | dict(zip(header, values, strict=False)))
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(
            f"The CSV cannot be read ({error}). Use Kaggle's fer2013.csv."
        ) from error


def _row(number: int, row: dict[str, str | None]) -> tuple[str, Pixels]:
    where = f"Row {number + 2} of the CSV"  # as an editor counts, the header being the first
    emotion, usage = row["emotion"], row.get("Usage") or "Training"
    if emotion not in set("0123456"):
        raise DatasetError(f"{where}: emotion must be 0 to 6. Received: {emotion!r}.")
    if usage not in USAGES:
        raise DatasetError(f"{where}: Usage must be {', '.join(USAGES)}. Received: {usage!r}.")
    values = (row["pixels"] or "").split()
    if len(values) != SIDE * SIDE:
        raise DatasetError(
            f"{where}: {SIDE * SIDE:,} pixel values are needed and {len(values):,} are there. "
            "The file may be cut off: download it again."
        )
    try:
        pixels = np.array(values, np.uint8).reshape(SIDE, SIDE)
    except (ValueError, OverflowError) as error:
        raise DatasetError(f"{where}: a pixel value is not a number from 0 to 255.") from error
    return f"{USAGES[usage]}/{LABELS[int(emotion or 0)]}/fer{number:07}.png", pixels
