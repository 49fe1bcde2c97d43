"""List a dataset's images by split and class, and count what is left out."""

import gzip
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from fer_core.dataset import label_lists, name_patterns, numberings
from fer_core.dataset.file_kinds import DOCUMENT, IMAGE, RECORD, has_image_name, is_hidden, kind_of
from fer_core.dataset.folder_names import class_named, split_named
from fer_core.dataset.index import make_table
from fer_core.dataset.label_lists import Labels
from fer_core.dataset.left_out import LeftOut, Tally
from fer_core.dataset.numberings import NOT_ONE_OF_SEVEN
from fer_core.dataset.pixel_table import is_pixel_table
from fer_core.errors import DatasetError
from fer_core.images.boxes import Box
from fer_core.labels import CLASS_NAMES, EMOTIONS, nearest_class_name
from fer_core.system.text import utf8

MAX_WRAPPERS: Final = 5
"""Folders around classes and splits that are looked through, one inside the other."""

MAX_TABLE_DEPTH: Final = 3
MAX_FOLDERS: Final = 300_000
ENTRIES_A_FOLDER: Final = 1000
"""So many files of one folder count as another folder."""

MAX_FOLDERS_ASKED: Final = 2_000
"""Of a path that may still be typed, such as ``/``."""

GZIP: Final = b"\x1f\x8b"


@dataclass(slots=True)
class Listing:
    """The images below a root, in columns of equal length, and what is left out.

    Attributes:
        files: Path below the root, with ``/``.
        splits: One of ``SPLITS``.
        labels: One of ``EMOTIONS``.
        sizes: Bytes.
        times: Time of the last change, in nanoseconds.
        below_class: Path below the class folder: the file's name where it lies in it.
        boxes: The face in each image, where a list gives boxes; else None.
        votes: FER+ votes of each image, where the labels are their majorities; else None.
        tally: Files that are left out.
        notes: Sentences on how names and lists were read.
        unknown: Folders that hold images and name neither class nor split, with their images.
    """

    files: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    below_class: list[str] = field(default_factory=list)
    boxes: list[Box] | None = None
    votes: pd.DataFrame | None = None
    tally: Tally = field(default_factory=Tally)
    notes: list[str] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)

    def add(self, path: str, split: str, label: str, facts: os.stat_result, below: str) -> None:
        """Add an image."""
        self.files.append(path)
        self.splits.append(split)
        self.labels.append(label)
        self.sizes.append(facts.st_size)
        self.times.append(facts.st_mtime_ns)
        self.below_class.append(below)

    def left_out(self) -> tuple[LeftOut, ...]:
        """Return the files that are left out, by reason."""
        return self.tally.left_out()

    def remarks(self) -> tuple[str, ...]:
        """Return sentences on how the dataset was read and what is unusual about it."""
        remarks = list(self.notes)
        if len(set(self.labels)) == 1:
            remarks.append(f"Only one class has images: {self.labels[0]}. Training needs two.")
        if self.splits and set(self.splits) == {"train"}:
            remarks.append(
                "There is no validation or test split: everything counts as training images."
            )
        return tuple(remarks)

    def table(self) -> pd.DataFrame:
        """Return what is known without opening the images; see ``DatasetIndex.table``."""
        return make_table(
            {
                "file": self.files, "split": self.splits, "label": self.labels,
                "bytes": np.asarray(self.sizes, np.int64),
                "mtime_ns": np.asarray(self.times, np.int64), "error": [""] * len(self.files),
            }
        )  # fmt: skip


def list_files(
    root: Path, classes: Mapping[str, str] | None = None, tally: Tally | None = None
) -> Listing:
    """List the images of a dataset.

    Classes are folders, in splits or around them; else they stand in a list beside the images, or
    in the images' names. Folders below a class folder count as part of it. Links are followed, but
    no folder is entered twice on one way down, so that loops end.

    Args:
        root: The dataset's folder.
        classes: Emotions of other class names or numbers, in lower case; ``none`` leaves them out.
        tally: What was left out before, as from an archive.

    Raises:
        DatasetError: The folder is missing or cannot be read, holds no images of any class, or
            several datasets, or classes whose numbers could be those of several.
    """
    classes = {unicodedata.normalize("NFKC", n).casefold(): e for n, e in (classes or {}).items()}
    start = tally or Tally()
    try:
        walk = _Walk(root, classes, Listing(tally=start.copy()))
        walk.visit(str(root), "", 0)
        listing = walk.listing
        if not listing.files:
            listing = _from_lists(root, classes, start) or listing
    except OSError as error:
        raise DatasetError(_unreadable(root, error)) from error
    if not listing.files:
        raise DatasetError(_no_images(root, listing))
    walk.note_names()
    return listing


def unknown_classes(root: Path) -> dict[str, int]:
    """Return folders that hold images and name neither emotion nor split, with their images.

    For a page that asks what they show; empty where the folder cannot be read.
    """
    walk = _Walk(root, {}, Listing(), MAX_FOLDERS_ASKED)
    with suppress(OSError, DatasetError):
        walk.visit(str(root), "", 0)
    return {name: count for name, count in walk.listing.unknown.items() if utf8(name) == name}


def needs_import(root: Path) -> bool:
    """Return whether a folder holds a CSV of pixels or a list of boxes, and no class folders."""
    try:
        has_list = any(root.glob("label.lst")) or any(root.glob("*/label.lst"))
        if not root.is_dir() or not (has_list or pixel_tables(root)):
            return False
        walk = _Walk(root, {}, Listing(), MAX_FOLDERS_ASKED)
        walk.visit(str(root), "", 0)
    except (OSError, DatasetError):
        return False
    return not walk.listing.files


def pixel_tables(root: Path) -> list[Path]:
    """Return the CSVs of pixels in a folder or a few levels below, gzipped or not."""
    tables = []
    for folder, folders, names in os.walk(root):
        if len(Path(folder).relative_to(root).parts) >= MAX_TABLE_DEPTH:
            folders.clear()
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(names):
            file = Path(folder) / name
            is_csv = name.lower().endswith((".csv", ".gz")) and not is_hidden(name)
            if is_csv and is_pixel_table(_first_line(file)):
                tables.append(file)
    return tables


def _first_line(file: Path) -> str:
    try:
        with file.open("rb") as raw:
            packed = raw.read(2) == GZIP
            raw.seek(0)
            line = (gzip.GzipFile(fileobj=raw) if packed else raw).readline(2000)
    except (OSError, EOFError):
        return ""
    return line.decode("utf-8-sig", "replace")


class _Walk:
    """Goes through the folders of a dataset and fills a listing."""

    def __init__(
        self, root: Path, classes: Mapping[str, str], listing: Listing, limit: int = MAX_FOLDERS
    ) -> None:
        self.root, self.classes, self.listing, self.limit = root, classes, listing, limit
        self.outside = len(str(root)) + 1
        self.read_as: dict[str, str] = {}
        self.split_below: dict[str, str] = {}

    def _scan(self, folder: str) -> list[os.DirEntry[str]]:
        self.limit -= 1
        if self.limit < 0:
            raise DatasetError(
                f"{self.root}: holds too many folders to be a dataset. Give the folder of the "
                "dataset itself."
            )
        try:
            entries = sorted(os.scandir(folder), key=_name)
        except OSError as error:
            if folder == str(self.root):
                raise
            note = f"The folder {self.below(folder)} cannot be read ({error.strerror})."
            self.listing.notes += [note] * (note not in self.listing.notes)
            return []
        self.limit -= len(entries) // ENTRIES_A_FOLDER
        return entries

    def visit(self, folder: str, split: str, depth: int) -> None:
        """List a folder of splits, classes or folders around them."""
        folders = self._sort_out(folder)
        meanings = self._meanings(folders)
        has_names = any(meanings.values())
        leading = {}
        for entry in folders:
            if not has_names and depth < MAX_WRAPPERS:
                leading[entry.path] = self._leads_to(entry.path, depth + 1)
        self._check_one_dataset([Path(p).name for p, kind in leading.items() if kind == "split"])
        for entry in folders:
            kind, value = meanings[entry.path] or ("", "")
            if kind == "class":
                self._class(entry, split, value)
            elif kind == "split" and split not in ("", value):
                self._leave_out(entry, "two classes")
            elif kind == "split" or leading.get(entry.path):
                self.visit(entry.path, value or split, depth + 1)
            else:
                self._unknown(entry)

    def files_below(
        self, folder: str, above: frozenset[str] = frozenset()
    ) -> Iterator[os.DirEntry[str]]:
        """Return every file below a folder, sorted, hidden ones too; loops of links end."""
        real = os.path.realpath(folder)
        if real in above:
            return
        for entry in self._scan(folder):
            if entry.is_dir():
                yield from self.files_below(entry.path, above | {real})
            else:
                yield entry

    def _sort_out(self, folder: str) -> list[os.DirEntry[str]]:
        """Return the folders inside; files and what is hidden are left out."""
        folders = []
        for entry in self._scan(folder):
            if is_hidden(entry.name):
                self._leave_out(entry, "hidden")
            elif entry.is_dir():
                folders.append(entry)
            else:
                self._loose(entry)
        return folders

    def _meanings(self, folders: list[os.DirEntry[str]]) -> dict[str, tuple[str, str] | None]:
        """Return for each path ``("split", name)``, ``("class", emotion)`` or None."""
        meanings: dict[str, tuple[str, str] | None] = {}
        numbers = []
        for entry in folders:
            name = entry.name
            if (emotion := class_named(name, self.classes)) is not None:
                meanings[entry.path] = ("class", emotion)
            elif split := split_named(name):
                meanings[entry.path] = ("split", split)
            else:
                meanings[entry.path] = None
                if name.strip().isdigit() and len(name.strip()) <= 2:  # 001 is a sequence of CK+
                    numbers.append(entry)
        if numbers and (numbering := self._numbering(numbers)):
            for entry in numbers:
                emotion = numbering.emotions[numberings.plain(entry.name)]
                meanings[entry.path] = ("class", emotion)
            if numbering.note() not in self.listing.notes:
                self.listing.notes.append(numbering.note())
        return meanings

    def _numbering(self, numbers: list[os.DirEntry[str]]) -> numberings.Numbering | None:
        above = Path(numbers[0].path).parent.relative_to(self.root).parts
        files = []
        for entry in numbers:
            inside = [file.name for file in self._scan(entry.path) if not is_hidden(file.name)]
            files += [name.rsplit(".", 1)[0] for name in inside[:20]]
        names = [entry.name for entry in numbers]
        return numberings.recognize(names, (self.root.name, *above), files)

    def _leads_to(self, folder: str, depth: int) -> str:
        """Return ``split`` or ``class`` where such folders lie below, else empty."""
        inner = [e for e in self._scan(folder) if e.is_dir() and not is_hidden(e.name)]
        kinds = {meaning[0] for meaning in self._meanings(inner).values() if meaning}
        if kinds:
            return "split" if "split" in kinds else "class"
        if depth >= MAX_WRAPPERS:
            return ""
        return next((kind for e in inner if (kind := self._leads_to(e.path, depth + 1))), "")

    def _check_one_dataset(self, names: list[str]) -> None:
        if len(names) > 1:
            raise DatasetError(
                f"{self.root}: holds several datasets with splits of their own: "
                f"{', '.join(sorted(names)[:5])}. Open one of them."
            )

    def _class(self, entry: os.DirEntry[str], split: str, emotion: str) -> None:
        if emotion == NOT_ONE_OF_SEVEN:
            advice = "Give their emotion with --classes NAME=EMOTION or on the page to use them."
            self._leave_out(entry, "other class", advice)
            return
        name = entry.name.strip()
        if name.casefold() not in EMOTIONS:
            self.read_as[name] = emotion
        first_row = len(self.listing.files)
        below = len(entry.path) + 1
        for file, found_split in self._walk(entry.path, split, emotion, frozenset()):
            path = file.path[self.outside :].replace(os.sep, "/")
            if (kind := kind_of(file.name, file.path)) != IMAGE:
                self._other(path, kind)
            elif utf8(path) != path:
                self.listing.tally.add("name", path)
            else:
                facts = file.stat()
                inside = file.path[below:].replace(os.sep, "/")
                self.listing.add(path, found_split or "train", emotion, facts, inside)
        if len(self.listing.files) == first_row:
            self.listing.notes.append(f"The class folder {self.below(entry.path)} has no images.")

    def _walk(
        self, folder: str, split: str, emotion: str, above: frozenset[str]
    ) -> Iterator[tuple[os.DirEntry[str], str]]:
        """Return the files below a class folder with their split; ``above`` are real folders."""
        real = os.path.realpath(folder)
        if real in above:
            return
        for entry in self._scan(folder):
            if is_hidden(entry.name):
                self._leave_out(entry, "hidden")
            elif entry.is_dir():
                other = split_named(entry.name)
                inner = class_named(entry.name, self.classes)
                if (other and split not in ("", other)) or inner not in (None, emotion):
                    self._leave_out(entry, "two classes")
                    continue
                if other and not split:
                    self.split_below[f"{Path(folder).name}/{entry.name}"] = other
                yield from self._walk(entry.path, split or other or "", emotion, above | {real})
            elif entry.is_file():
                yield entry, split
            else:
                self.listing.tally.add("broken link", self.below(entry.path))

    def _unknown(self, entry: os.DirEntry[str]) -> None:
        """Leave out a folder that names nothing, with the nearest name that is known."""
        name = entry.name.strip()
        images = sum(
            has_image_name(file.name)
            for file in self.files_below(entry.path)
            if not is_hidden(file.name)
        )
        if images:
            self.listing.unknown[name.casefold()] += images
        near = nearest_class_name(name)
        advice = f"{utf8(name)} is most like {CLASS_NAMES[near]}: " if near else ""
        advice += f"use --classes {utf8(name)}=EMOTION, or give it on the page." if images else ""
        self._leave_out(entry, "unknown class", advice[:1].upper() + advice[1:])

    def _leave_out(self, entry: os.DirEntry[str], kind: str, advice: str = "") -> None:
        """Count a file, or all files below a folder."""
        example = self.below(entry.path)
        if not entry.is_dir():
            self.listing.tally.add(kind, example, advice=advice)
            return
        below = len(entry.path)
        for file in self.files_below(entry.path):
            parts = Path(file.path[below:]).parts[1:]
            is_other = kind != "hidden" and any(is_hidden(part) for part in parts)
            self.listing.tally.add("hidden" if is_other else kind, example)
        self.listing.tally.add(kind, example, 0, advice)

    def _loose(self, entry: os.DirEntry[str]) -> None:
        if not entry.is_file():
            self.listing.tally.add("broken link", self.below(entry.path))
            return
        kind = kind_of(entry.name, entry.path)
        self._other(self.below(entry.path), "outside classes" if kind == IMAGE else kind)

    def _other(self, path: str, kind: str) -> None:
        self.listing.tally.add({DOCUMENT: "document", RECORD: "record"}.get(kind, kind), path)

    def below(self, path: str) -> str:
        """Return a path below the dataset's folder."""
        return path[self.outside :].replace(os.sep, "/")

    def note_names(self) -> None:
        """Say which names were read as an emotion or a split though they are not its own."""
        if self.read_as:
            pairs = ", ".join(f"{utf8(n)} as {e}" for n, e in sorted(self.read_as.items()))
            self.listing.notes.append(f"Class folders were read by their names: {pairs}.")
        if self.split_below:
            pairs = ", ".join(f"{utf8(n)} as {s}" for n, s in sorted(self.split_below.items())[:4])
            self.listing.notes.append(f"Splits were found inside class folders: {pairs}, …")


def _from_lists(root: Path, classes: Mapping[str, str], start: Tally) -> Listing | None:
    """Return the images whose class stands in a list or in their names; None without."""
    walk = _Walk(root, classes, Listing(tally=start.copy()))
    listing = walk.listing
    images, documents = _all_files(walk)
    paths = list(images)
    labels = label_lists.read(root, paths, documents, classes)
    if labels is None:
        by_name = name_patterns.labels([path.rsplit("/", 1)[-1] for path in paths], classes)
        if by_name is None:
            return None
        rows = [label_lists.Label(at, emotion) for at, emotion in enumerate(by_name[0]) if emotion]
        labels = Labels(rows, [by_name[1]])
    listing.notes += labels.notes
    labelled = set()
    boxes: list[Box | None] = []
    for row in labels.rows:
        path = paths[row.image]
        labelled.add(row.image)
        if row.emotion is None or row.emotion == NOT_ONE_OF_SEVEN:
            listing.tally.add("unlabelled" if row.emotion is None else "other class", path)
            continue
        split = row.split or _split_of(path) or "train"
        listing.add(path, split, row.emotion, images[path], path.rsplit("/", 1)[-1])
        boxes.append(row.box)
    for at, path in enumerate(paths):
        if at not in labelled:
            listing.tally.add("unlabelled", path)
    if any(boxes):
        listing.boxes = [box or Box(0, 0, 0, 0) for box in boxes]
    if labels.votes is not None:
        places = {path: at for at, path in enumerate(paths)}
        rows_of = [places[path] for path in listing.files]
        listing.votes = labels.votes.iloc[rows_of].reset_index(drop=True)
    return listing if listing.files else None


def _all_files(walk: "_Walk") -> tuple[dict[str, os.stat_result], list[str]]:
    """Return every image with its facts, and every table or text; the others are left out."""
    images: dict[str, os.stat_result] = {}
    documents = []
    listing = walk.listing
    for entry in walk.files_below(str(walk.root)):
        path = walk.below(entry.path)
        if any(is_hidden(part) for part in path.split("/")):
            listing.tally.add("hidden", path)
            continue
        if not entry.is_file():
            listing.tally.add("broken link", path)
            continue
        kind = kind_of(entry.name, entry.path)
        if kind == IMAGE and utf8(path) == path:
            images[path] = entry.stat()
        elif kind == IMAGE:
            listing.tally.add("name", path)
        else:
            documents += [path] * (kind in (DOCUMENT, RECORD))
            listing.tally.add({DOCUMENT: "document", RECORD: "record"}.get(kind, kind), path)
    return images, documents


def _split_of(path: str) -> str | None:
    folders = reversed(path.split("/")[:-1])
    return next((split for folder in folders if (split := split_named(folder))), None)


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _no_images(root: Path, listing: Listing) -> str:
    """Return the sentence for a folder without images of any class."""
    numbers = [name for name in listing.unknown if numberings.plain(name).isdigit()]
    if numbers and len(numbers) == len(listing.unknown):
        return (
            f"{root}: no images in class folders. Its folders are the numbers "
            f"{', '.join(sorted(numbers)[:10])}, whose meaning differs between datasets. "
            f"{numberings.advice(numbers)}"
        )
    tables = [table.relative_to(root).as_posix() for table in pixel_tables(root)]
    if tables:
        return (
            f"{root}: no images in class folders, but the pixels of images in {tables[0]}. Import "
            f"it: python -m fer_core dataset import {root}"
        )
    reasons = "; ".join(str(each) for each in listing.left_out() if each.kind != "record")
    return (
        f"{root}: no images in class folders. Expected folders such as {root.name}/happy or "
        f"{root.name}/train/happy, named {', '.join(EMOTIONS)}."
        f"{f' Found: {reasons}' if reasons else ''}"
    )


def _unreadable(root: Path, error: OSError) -> str:
    if not root.exists():
        return f"{root}: there is no such folder. Check the path on the computer that runs this."
    if not root.is_dir():
        return f"{root}: not a folder. Give the folder that holds the class folders."
    return f"{root}: cannot be read ({error.strerror}). Check who may read it."
