"""Walk through the folders of splits and classes of a dataset."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from fer_core.dataset import numberings
from fer_core.dataset.file_kinds import DOCUMENT, IMAGE, RECORD, has_image_name, kind_of
from fer_core.dataset.folder_names import class_named, split_named
from fer_core.dataset.listing import Listing
from fer_core.dataset.numberings import NOT_ONE_OF_SEVEN
from fer_core.errors import DatasetError
from fer_core.labels import CLASS_NAMES, EMOTIONS, nearest_class_name
from fer_core.system.paths import is_hidden
from fer_core.system.text import utf8

MAX_WRAPPERS: Final = 5
"""Folders around classes and splits that are looked through, one inside the other."""

MAX_FOLDERS: Final = 300_000
ENTRIES_A_FOLDER: Final = 1000
"""So many files of one folder count as another folder."""


class Walk:
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
            is_other = kind != "hidden" and any(map(is_hidden, parts))
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


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
