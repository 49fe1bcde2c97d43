"""Labels that stand in a list beside the images, as RAF-DB, AffectNet, FER+, CK+ and ExpW do."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from fer_core.dataset import joins, numberings, vote_table
from fer_core.dataset.fer2013_order import USAGES
from fer_core.dataset.folder_names import class_named, split_named
from fer_core.dataset.numberings import AFFECTNET, CK_PLUS, EXPW, RAF_DB
from fer_core.errors import DatasetError
from fer_core.images.boxes import Box
from fer_core.labels import EMOTIONS
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


def read(
    root: Path,
    images: Sequence[str],
    documents: Sequence[str],
    classes: Mapping[str, str],
) -> Labels | None:
    """Return the labels of images from the lists beside them; None where there is no list.

    Args:
        root: The dataset's folder.
        images: Paths of the images below it (N,).
        documents: Paths of the tables and texts below it.
        classes: Emotions that the user gave to names or numbers, in lower case.

    Raises:
        DatasetError: A list numbers its classes and nothing says which dataset's numbers they are.
    """
    for reader in (_ferplus, _raf_db, _expw, _ck_plus, _affectnet, _tables):
        labels = reader(root, images, documents, classes)
        if labels is not None and labels.rows:
            return labels
    return None


def _ferplus(
    root: Path, images: Sequence[str], documents: Sequence[str], _: Mapping[str, str]
) -> Labels | None:
    """Return the majorities of ``label.csv`` in Microsoft's folders, or of ``fer2013new.csv``."""
    labels = Labels()
    votes = pd.DataFrame(0, range(len(images)), [*EMOTIONS, "other"])
    for document in documents:
        if not document.lower().endswith("csv") or (data := _bytes(root / document)) is None:
            continue
        try:
            table = vote_table.parse(data, document)
        except DatasetError:
            continue
        if table is None:
            continue
        folder = document.rpartition("/")[0]
        keys = [f"{folder}/{key}" if folder and key else key for key in table.keys]
        join = joins.by_path(images, keys, root, contents=table.contents())
        if not join.count and table.usages is not None:
            join = joins.by_path(images, table.keys, root, contents=table.contents())
        codes = vote_table.majority_codes(table.votes)
        rows = np.flatnonzero(join.has_row)
        votes.loc[rows] = table.votes.iloc[join.rows[rows]].to_numpy()
        splits = [USAGES.get(usage, "") for usage in table.usages or ()]
        labels.rows += [
            Label(image, EMOTIONS[codes[row]] if codes[row] >= 0 else None,
                  splits[row] if splits else "")
            for image, row in zip(rows.tolist(), join.rows[rows].tolist(), strict=True)
        ]  # fmt: skip
        if join.count:
            labels.notes.append(
                f"{join.note(f'{document}: FER+ votes')} An image's label is the emotion with most "
                "votes."
            )
    labels.votes = votes
    return labels


def _raf_db(
    root: Path, images: Sequence[str], documents: Sequence[str], classes: Mapping[str, str]
) -> Labels | None:
    """Return the labels of RAF-DB's ``list_patition_label.txt``: ``train_00001.jpg 5``."""
    for document in _matching(documents, r"list_par?tition_label\.txt$"):
        lines = [line.split() for line in _lines(root / document)]
        for number, line in enumerate(lines, start=1):
            if len(line) != 2:
                raise DatasetError(
                    f"{document}, line {number}: a file name and a number are expected, such as "
                    f"'train_00001.jpg 5'. Received: {' '.join(line)[:60]!r}."
                )
        stems = [_stem(name) for name, _ in lines]
        aligned = any(_stem(image).endswith("_aligned") for image in images)
        keys = [f"{stem}_aligned.jpg" if aligned else f"{stem}.jpg" for stem in stems]
        join = joins.by_path(images, keys, root)
        labels = Labels(notes=[RAF_DB.note(), join.note(f"{document}: labels")])
        for image in np.flatnonzero(join.has_row).tolist():
            name, number_text = lines[join.rows[image]]
            emotion = classes.get(number_text) or RAF_DB.emotions.get(number_text)
            labels.rows.append(Label(image, emotion, split_named(name.split("_")[0]) or ""))
        return labels
    return None


def _expw(
    root: Path, images: Sequence[str], documents: Sequence[str], _: Mapping[str, str]
) -> Labels | None:
    """Return the faces of ExpW's ``label.lst``.

    Its columns: image name, face number, top, left, right and bottom of the face in pixels,
    confidence of the detector, class.
    """
    for document in _matching(documents, r"label\.lst$"):
        places: dict[str, int] = {image.rsplit("/", 1)[-1]: at for at, image in enumerate(images)}
        labels, unused = Labels(notes=[EXPW.note()]), 0
        for number, line in enumerate(_lines(root / document), start=1):
            values = line.split()
            try:
                name, (top, left, right, bottom) = values[0], map(float, values[2:6])
                box = Box(left, top, right, bottom)
                emotion = EXPW.emotions[values[7]]
            except (ValueError, IndexError, KeyError) as error:
                raise DatasetError(
                    f"{document}, line {number}: image name, face number, top, left, right, "
                    "bottom, confidence and a class from 0 to 6 are expected. "
                    f"Received: {line[:60]!r}."
                ) from error
            if name in places:
                labels.rows.append(Label(places[name], emotion, box=box))
            else:
                unused += 1
        if unused:
            labels.notes.append(f"{document}: {unused:,} rows name no image of this dataset.")
        return labels
    return None


def _ck_plus(
    root: Path, images: Sequence[str], documents: Sequence[str], _: Mapping[str, str]
) -> Labels | None:
    """Return the labels of CK+'s ``S005_001_00000011_emotion.txt``, each of one frame."""
    annotations = _matching(documents, r"_emotion\.txt$")
    if not annotations:
        return None
    places = {_stem(image): at for at, image in enumerate(images)}
    labels = Labels(notes=[
        CK_PLUS.note(), "CK+ labels the last frame of a sequence; the other frames have no label."
    ])  # fmt: skip
    for document in annotations:
        image = places.get(_stem(document).removesuffix("_emotion"))
        text = " ".join(_lines(root / document)).strip()
        try:
            emotion = CK_PLUS.emotions[str(int(float(text)))]
        except (ValueError, KeyError) as error:
            raise DatasetError(
                f"{document}: a number from 0 to 7 is expected. Received: {text[:40]!r}."
            ) from error
        if image is not None:
            labels.rows.append(Label(image, emotion))
    return labels


def _affectnet(
    root: Path, images: Sequence[str], documents: Sequence[str], _: Mapping[str, str]
) -> Labels | None:
    """Return the labels of AffectNet's ``annotations/0_exp.npy`` beside ``images/0.jpg``."""
    annotations = _matching(documents, r"annotations/\d+_exp\.npy$")
    if not annotations:
        return None
    places = {_parent_and_stem(image): at for at, image in enumerate(images)}
    labels = Labels(notes=[AFFECTNET.note()])
    for document in annotations:
        above, stem = _parent_and_stem(document)
        image = places.get((above, stem.removesuffix("_exp")))
        if image is None:
            continue
        try:
            number = str(int(np.load(root / document, allow_pickle=False).item()))
            labels.rows.append(Label(image, AFFECTNET.emotions[number]))
        except (OSError, ValueError, KeyError) as error:
            raise DatasetError(
                f"{document}: a number from 0 to 10 is expected ({error})."
            ) from error
    return labels


def _tables(
    root: Path, images: Sequence[str], documents: Sequence[str], classes: Mapping[str, str]
) -> Labels | None:
    """Return the labels of tables with a column for the file and one for the class."""
    labels = Labels()
    for document in _matching(documents, r"\.(csv|tsv|txt)$"):
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
            else numberings.recognize(numbers, names, (_stem(f) for f in files[:50].astype("str")))
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
    data = _bytes(file)
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


def _matching(documents: Sequence[str], pattern: str) -> list[str]:
    return [document for document in documents if re.search(pattern, document, re.IGNORECASE)]


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes() if file.stat().st_size <= MAX_BYTES else None
    except OSError:
        return None


def _lines(file: Path) -> list[str]:
    data = _bytes(file) or b""
    return [line for line in data.decode("utf-8-sig", "replace").splitlines() if line.strip()]


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _parent_and_stem(path: str) -> tuple[str, str]:
    """Return the folder above the one that holds a file, and the file's stem."""
    return path.rpartition("/")[0].rpartition("/")[0], _stem(path)


def _is_number(text: str) -> bool:
    return numberings.plain(text).isdigit()
