"""Labels that stand in a table beside the images: a column for the file, one for the class."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from fer_core.dataset import joins, numberings
from fer_core.dataset.folder_names import class_named, split_named
from fer_core.dataset.numberings import AFFECTNET
from fer_core.errors import DatasetError
from fer_core.images.boxes import Box
from fer_core.system import csv_files

FILE_COLUMNS: Final = (
    "file", "filename", "file_name", "filepath", "file_path", "path", "pth", "image", "image_name",
    "image name", "img", "img_name", "img_path", "image_path", "imagepath", "name",
    "subdirectory_filepath",
)  # fmt: skip
LABEL_COLUMNS: Final = (
    "emotion", "emotions", "expression", "expr", "label", "labels", "class", "category", "target",
)  # fmt: skip
SPLIT_COLUMNS: Final = ("usage", "split", "set", "subset")
BOX_COLUMNS: Final = ("face_x", "face_y", "face_width", "face_height")

MAX_BYTES: Final = 300_000_000
"""Largest list that is read."""


@dataclass(frozen=True, slots=True)
class Label:
    """A row of a list.

    Attributes:
        image: Position of the image.
        emotion: One of ``EMOTIONS``, ``NOT_ONE_OF_SEVEN``, or None where the list gives none.
        split: The split, empty where the list does not say.
        box: The face in the image where the list gives one.
    """

    image: int
    emotion: str | None
    split: str = ""
    box: Box | None = None


@dataclass(slots=True)
class Labels:
    """The labels that lists give to images, and sentences on how they were read.

    ``votes`` are FER+ votes, a row for each of the images, where the list is of votes.
    """

    rows: list[Label] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    votes: pd.DataFrame | None = None


def read_tables(
    root: Path, images: Sequence[str], documents: Sequence[str], classes: Mapping[str, str]
) -> Labels | None:
    """Return the labels of tables with a column for the file and one for the class.

    Args:
        root: The dataset's folder.
        images: Paths of the images below it (N,).
        documents: Paths of the tables and texts below it.
        classes: Emotions that the user gave to names or numbers, in lower case.

    Raises:
        DatasetError: A table numbers its classes and nothing says which dataset's numbers they are.
    """
    labels = Labels()
    for document in matching(documents, r"\.(csv|tsv|txt)$"):
        table = _table(root / document)
        if table is None:
            continue
        file, label = _column(table, FILE_COLUMNS), _column(table, LABEL_COLUMNS)
        if file is None or label is None:
            continue
        folder = document.rpartition("/")[0]
        join = joins.by_path(images, file.tolist(), root, folder, _contents(label))
        if not join.count:
            continue
        emotions, note = _emotions(root, document, file, label, classes)
        splits = _column(table, SPLIT_COLUMNS)
        split = split_named(Path(document).stem.split("_")[0]) or split_named(Path(document).stem)
        boxes = _boxes(table)
        labels.notes += [*([note] if note else []), join.note(f"{document}: labels")]
        for image in np.flatnonzero(join.has_row).tolist():
            row = int(join.rows[image])
            row_split = split_named(str(splits.iloc[row])) if splits is not None else None
            labels.rows.append(
                Label(image, emotions[row], row_split or split or "", boxes[row] if boxes else None)
            )
    return labels


def _emotions(
    root: Path, document: str, files: pd.Series, labels: pd.Series, classes: Mapping[str, str]
) -> tuple[list[str | None], str]:
    """Return the emotion of each row, and the numbering where one was recognised."""
    texts = labels.fillna("").astype("str").str.strip()
    kinds = {text: class_named(text, classes) for text in texts.unique() if text}
    numbers = [t for t, emotion in kinds.items() if emotion is None and _is_number(t)]
    note = ""
    if numbers:
        names = [root.name, *document.split("/")]
        is_affectnet = files.name == "subdirectory_filepath"
        numbering = (
            AFFECTNET
            if is_affectnet
            else numberings.recognize(numbers, names, (stem(f) for f in files[:50].astype("str")))
        )
        if numbering is None:
            raise DatasetError(
                f"{document}: the classes are the numbers {', '.join(sorted(numbers)[:10])}, whose "
                f"meaning differs between datasets. {numberings.advice(numbers)}"
            )
        kinds |= {text: numbering.emotions[numberings.plain(text)] for text in numbers}
        note = numbering.note()
    return [kinds.get(text) for text in texts], note


def _boxes(table: pd.DataFrame) -> list[Box] | None:
    if not set(BOX_COLUMNS) <= set(table.columns):
        return None
    sides = table[list(BOX_COLUMNS)].astype(np.float64).to_numpy()
    return [Box(x, y, x + width, y + height) for x, y, width, height in sides.tolist()]


def _table(file: Path) -> pd.DataFrame | None:
    """Return the columns of a table that a list may have; None where it is none."""
    data = read_bytes(file)
    if data is None:
        return None
    columns = (*FILE_COLUMNS, *LABEL_COLUMNS, *SPLIT_COLUMNS, *BOX_COLUMNS)
    try:
        return csv_files.table(data, columns, dtype="str", keep_default_na=False)
    except ValueError:
        return None


def _column(table: pd.DataFrame, names: Iterable[str]) -> "pd.Series[Any] | None":
    return next((table[name] for name in names if name in table), None)


def _contents(column: pd.Series) -> "np.typing.NDArray[np.uint64]":
    return np.asarray(pd.util.hash_pandas_object(column, index=False), np.uint64)


def matching(documents: Sequence[str], pattern: str) -> list[str]:
    """Return the documents whose path fits a pattern, whatever their case."""
    return [document for document in documents if re.search(pattern, document, re.IGNORECASE)]


def read_bytes(file: Path) -> bytes | None:
    """Return a list's bytes; None where it cannot be read or has more than ``MAX_BYTES``."""
    try:
        return file.read_bytes() if file.stat().st_size <= MAX_BYTES else None
    except OSError:
        return None


def stem(path: str) -> str:
    """Return a file's name without folder and suffix."""
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _is_number(text: str) -> bool:
    return numberings.plain(text).isdigit()
