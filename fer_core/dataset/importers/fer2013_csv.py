"""Import ``fer2013.csv`` and its kin: pixels as text, one row an image."""

import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, cast

import cv2
import numpy as np

from fer_core.dataset import fer2013_order, ferplus, joins, numberings, pixel_table, vote_table
from fer_core.dataset.fer2013_order import USAGES
from fer_core.dataset.import_record import ImportRecord
from fer_core.dataset.importers.options import ImportOptions
from fer_core.dataset.left_out import Tally
from fer_core.dataset.numberings import FER2013, NOT_ONE_OF_SEVEN
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS, OTHER_CLASSES, emotion_named
from fer_core.system import csv_files
from fer_core.types import Pixels

SPLITS: Final = {usage.lower(): split for usage, split in USAGES.items()} | {
    "": "train", "train": "train", "validation": "validation", "val": "validation",
    "valid": "validation", "test": "test",
}  # fmt: skip
"""Values of ``Usage`` in small letters; empty where all rows are for training."""

MIN_SIDE, MAX_SIDE = 8, 256
"""Sides of images in pixels. Rows hold squares."""

MAX_ROW: Final = 4 * MAX_SIDE**2 + 1000
"""Longest row in characters."""

BYTES_PER_IMAGE: Final = 4096
"""Disk space of one 48x48 PNG: a block."""

ROWS: Final = 35_887
"""Rows of the original file, for the progress shown."""

_PLAIN: Final = re.compile(r"[0-9 ]*")

GZIP: Final = b"\x1f\x8b"


@dataclass(slots=True)
class Written:
    """The rows of a CSV that became images, and the others.

    ``usages`` and ``labels`` have a value for every row, ``files`` and ``rows`` for every image.
    """

    files: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    usages: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    sides: Counter[int] = field(default_factory=Counter)
    has_numbers: bool = False


def write_csv(source: BinaryIO, folder: Path, options: ImportOptions, title: str) -> None:
    """Write the images of a ``fer2013.csv`` into a new dataset's folder, as PNG files.

    They are called ``fer0000000.png`` and on by their row.

    Args:
        source: An open file, gzipped or not. Columns ``emotion``, ``pixels`` and, unless all is
            training data, ``Usage``, in any case and order, with blanks or without.
        folder: The new dataset.
        options: See ``ImportOptions``. Votes are joined by row order.
        title: The file's name, for messages.

    Raises:
        DatasetError: The file cannot be read, lacks a column, a row is short or wrong, or the votes
            are damaged or of other rows.
    """
    table = None if options.votes is None else vote_table.parse(options.votes, "The FER+ table")
    if options.votes is not None and table is None:
        raise DatasetError("The FER+ table: no votes in it. Expected fer2013new.csv.")
    try:
        with _text(source) as text:
            written = _write_all(text, folder, options)
    except DatasetError as error:
        raise DatasetError(f"{title}: {error}") from error
    notes = _notes(written)
    if table is not None:
        notes += _save_votes(table, written, folder, title)
    left_out = written.tally.left_out("rows")
    ImportRecord(title, tuple(notes), left_out, options.classes).save(folder)


@contextmanager
def _text(source: BinaryIO) -> Iterator[Iterable[str]]:
    """Open the lines of a CSV, unpacked where it is gzipped."""
    start = source.read(2)
    source.seek(0)
    encoding = "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    plain = gzip.GzipFile(fileobj=source) if start == GZIP else source
    text = io.TextIOWrapper(cast("BinaryIO", plain), encoding=encoding, newline="")
    try:
        yield text
    finally:
        text.detach()


def _save_votes(
    table: vote_table.VoteTable, written: Written, folder: Path, title: str
) -> list[str]:
    """Join votes by row order and write them; returns notes."""
    rows = np.asarray(written.rows, np.int64)
    if table.usages is None:  # a table of the paths that an import writes
        join = joins.by_path(written.files, table.keys, folder, contents=table.contents())
        votes = table.select(join)
    else:
        labels = np.asarray(written.labels, np.int64)
        join = fer2013_order.by_order(table.order(), written.usages, labels, title)
        votes = table.select(join).iloc[rows]
    if not votes.to_numpy().any():
        raise DatasetError(f"{table.name}: no FER+ votes on the images of {title}.")
    (folder / ferplus.KEPT).write_bytes(ferplus.table_bytes(votes, written.files))
    return [join.note(f"{table.name}: FER+ votes")]


def _notes(written: Written) -> list[str]:
    notes = []
    if written.has_numbers:
        notes.append(FER2013.note())
    sides = ", ".join(f"{side}x{side}" for side in sorted(written.sides))
    if set(written.sides) != {48}:
        notes.append(f"The images have {sides} pixels, those of FER-2013 48x48.")
    return notes


def _write_all(text: Iterable[str], folder: Path, options: ImportOptions) -> Written:
    """Write every image below ``folder``."""
    written = Written()
    for number, row in enumerate(rows(text, options.classes), start=1):
        written.usages.append(row.usage)
        written.labels.append(EMOTIONS.index(row.emotion) if row.emotion else -1)
        written.has_numbers |= row.is_numbered
        if row.emotion is None:
            advice = "Give their emotion with --classes LABEL=EMOTION to import them."
            written.tally.add("other class", row.label, advice=advice)
            continue
        written.files.append(row.file)
        written.rows.append(row.number)
        written.sides[len(row.pixels)] += 1
        target = folder / row.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(cv2.imencode(".png", row.pixels)[1].tobytes())
        if options.progress and number % 256 == 0:
            options.progress(number, max(number, ROWS))
    if not written.files:
        raise DatasetError(
            "The CSV holds no rows of the seven emotions. Use Kaggle's fer2013.csv, or name the "
            "emotion of other labels with --classes LABEL=EMOTION."
        )
    return written


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A row of the CSV.

    Attributes:
        number: Its number, from 0 after the header.
        label: The label as it stands, with its meaning where it is a number.
        emotion: One of ``EMOTIONS``; None for a class outside the seven.
        is_numbered: The label is one of Kaggle's numbers.
        usage: One of ``USAGES`` or empty.
        file: Path below the dataset, ``train/happy/fer0000007.png``.
        pixels: uint8 (H, H); empty where there is no emotion.
    """

    number: int
    label: str
    emotion: str | None
    is_numbered: bool
    usage: str
    file: str
    pixels: Pixels


def rows(text: Iterable[str], classes: Mapping[str, str] | None = None) -> Iterator[Row]:
    """Return every row.

    Raises:
        DatasetError: A column is missing, or a row is short or wrong; the row is named.
    """
    try:
        lines = iter(text)
        first = next(lines, "")
        separator = pixel_table.delimiter(first[:MAX_ROW])
        table = filter(any, csv_files.rows(chain([first], lines), separator, MAX_ROW))
        places = pixel_table.columns(next(table, []))
        for number, values in enumerate(table):
            yield _row(number, values, places, classes or {})
    except (csv.Error, UnicodeError, EOFError, gzip.BadGzipFile) as error:
        raise DatasetError(
            f"The CSV cannot be read ({error}). Use Kaggle's fer2013.csv."
        ) from error


def _row(
    number: int, values: list[str], places: Mapping[str, int], classes: Mapping[str, str]
) -> Row:
    where = f"Row {number + 2} of the CSV"  # as an editor counts, the header being the first
    label, pixels, usage = (
        values[places[name]].strip() if 0 <= places[name] < len(values) else ""
        for name in ("emotion", "pixels", "usage")
    )
    if usage.lower() not in SPLITS:
        raise DatasetError(f"{where}: Usage must be {', '.join(USAGES)}. Received: {usage!r}.")
    split = SPLITS[usage.lower()]
    official = {ours: name for name, ours in USAGES.items()}[split] if usage else ""
    numbering = FER2013.emotions
    key = numberings.plain(label)
    emotion = classes.get(key.lower()) or numbering.get(key) or emotion_named(label)
    if emotion is None and label.lower() in OTHER_CLASSES:
        emotion = NOT_ONE_OF_SEVEN
    if emotion is None:
        raise DatasetError(
            f"{where}: emotion must be 0 to 6 or the name of an emotion. Received: {label!r}. Give "
            f"its meaning with --classes {label or 'LABEL'}=EMOTION, or =none to leave it out."
        )
    is_numbered = key.isdigit() and key not in classes
    if emotion == NOT_ONE_OF_SEVEN:
        name = "7 (contempt)" if is_numbered else label
        return Row(number, name, None, is_numbered, official, "", np.empty((0, 0), np.uint8))
    file = f"{split}/{emotion}/fer{number:07}.png"
    return Row(number, label, emotion, is_numbered, official, file, _pixels(pixels, where))


def _pixels(text: str, where: str) -> Pixels:
    """Return uint8 (H, H) of pixel values as text."""
    if _PLAIN.fullmatch(text):
        numbers = np.fromstring(text, np.int64, sep=" ")  # four times as fast as from a list
    else:
        values = re.split(r"[\s,]+", text.strip("[]() \t"))
        try:
            numbers = np.array(values, np.float64)
        except ValueError as error:
            raise DatasetError(f"{where}: a pixel value is not a number from 0 to 255.") from error
    side = round(len(numbers) ** 0.5)
    if side**2 != len(numbers) or not MIN_SIDE <= side <= MAX_SIDE:
        raise DatasetError(
            f"{where}: 2,304 pixel values (48x48) or those of another square are needed and "
            f"{len(numbers):,} are there. The file may be cut off: download it again."
        )
    if not ((numbers >= 0) & (numbers <= 255)).all():
        raise DatasetError(f"{where}: a pixel value is not a number from 0 to 255.")
    return numbers.astype(np.uint8).reshape(side, side)
