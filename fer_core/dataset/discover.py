"""Find a dataset's files: which folder is a split, which a class, what is left out."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fer_core.dataset.index import SPLITS
from fer_core.errors import DatasetError
from fer_core.images.codec import SUFFIXES
from fer_core.labels import CLASS_NAMES, EMOTIONS
from fer_core.system.paths import shown

SPLIT_NAMES: Final = {name: name for name in SPLITS} | {
    "training": "train", "val": "validation", "valid": "validation", "dev": "validation",
    "publictest": "validation", "testing": "test", "privatetest": "test",
}  # fmt: skip
"""Folder names, in lower case, that are taken for a split."""

TIDY: Final = frozenset(
    {"manifest.parquet", "version.json", "votes.csv", "labels.csv", "fer2013new.csv",
     "decisions.csv"}
)  # fmt: skip
"""Files that belong beside the images and are not worth a note."""


@dataclass(slots=True)
class Listing:
    """The image files below a root, in columns of equal length, and what was passed by."""

    files: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)

    def notes(self) -> tuple[str, ...]:
        """Sentences on what was left out or looks odd."""
        found = []
        if self.ignored:
            found.append(_some("folders are no emotion and no split", self.ignored))
        if self.strays:
            found.append(_some("other files were left out", self.strays))
        if self.empty:
            found.append(_some("class folders are empty", self.empty))
        if self.odd:
            found.append(_some("pictures have names that are not UTF-8; rename them", self.odd))
        if len(set(self.labels)) == 1:
            found.append(f"Only one class has images: {self.labels[0]}. Training needs two.")
        if self.splits and set(self.splits) == {"train"}:
            found.append(
                "There is no validation or test split: everything counts as training images."
            )
        return tuple(found)


def list_files(root: Path, names: Mapping[str, str] | None = None) -> Listing:
    """List ``root/<class>/…`` or ``root/<split>/<class>/…``; one wrapping folder is looked through.

    ``names`` says which emotion other folder names, in lower case, stand for.
    Folders below a class folder count as part of it. Links are followed, but no folder is entered
    twice on one way down, so that loops end.

    Raises:
        DatasetError: The folder is missing or cannot be read, or holds no images of any class.
    """
    listing = Listing()
    known = CLASS_NAMES | dict(names or {})
    try:
        base = _unwrap(root, known)
        for folder in _folders(base, listing):
            name = folder.name.lower()
            if name in SPLIT_NAMES:
                for part in _folders(folder, listing):
                    _add_class(listing, root, part, (SPLIT_NAMES[name], known))
            else:
                _add_class(listing, root, folder, ("train", known))
    except OSError as error:
        raise DatasetError(_unreadable(root, error)) from error
    if not listing.files:
        raise DatasetError(
            f"{root}: no pictures in class folders. Expected folders such as "
            f"{root.name}/happy or {root.name}/train/happy, named {', '.join(EMOTIONS)}."
        )
    return listing


def other_names(root: Path) -> tuple[str, ...]:
    """Names of folders with pictures that are no emotion and no split, for a mapping to be asked.

    Looked for in the folder itself and in its split folders.
    """
    found: set[str] = set()
    try:
        base = _unwrap(root, CLASS_NAMES)
        places = [base, *(p for p in base.iterdir() if p.name.lower() in SPLIT_NAMES)]
        for place in places:
            for folder in (p for p in place.iterdir() if p.is_dir()):
                name = folder.name.lower()
                is_known = name in CLASS_NAMES or name in SPLIT_NAMES or name.startswith(".")
                if is_known or shown(name) != name:  # a page cannot ask for what it cannot show
                    continue
                if any(f.suffix.lower() in SUFFIXES for f in folder.iterdir()):
                    found.add(name)
    except OSError:
        return ()
    return tuple(sorted(found))


def _unwrap(root: Path, classes: Mapping[str, str]) -> Path:
    """Go down while there is nothing but one folder that is neither split nor class."""
    folder = root
    for _ in range(3):
        inner = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__"))]
        known = classes.keys() | SPLIT_NAMES.keys()
        folders = [entry for entry in inner if entry.is_dir()]
        if len(folders) != 1 or folders[0].name.lower() in known:
            break
        folder = folders[0]
    return folder


def _folders(folder: Path, listing: Listing) -> Iterator[Path]:
    """The folders inside, sorted; files that lie about are noted."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith(("__MACOSX", ".")):
            continue
        if entry.is_dir():
            yield Path(entry.path)
        elif entry.name.lower() not in TIDY:
            listing.strays.append(entry.name)


def _add_class(
    listing: Listing, root: Path, folder: Path, kind: tuple[str, Mapping[str, str]]
) -> None:
    split, names = kind
    label = names.get(folder.name.lower())
    if label is None:
        listing.ignored.append(folder.relative_to(root).as_posix())
        return
    before = len(listing.files)
    outside = len(str(root)) + 1
    for entry in _walk(str(folder), frozenset()):
        path = entry.path[outside:].replace(os.sep, "/")
        if not entry.name.lower().endswith(SUFFIXES):
            listing.strays.append(path)
            continue
        if shown(path) != path:
            listing.odd.append(path)
            continue
        facts = entry.stat()
        listing.files.append(path)
        listing.splits.append(split)
        listing.labels.append(label)
        listing.sizes.append(facts.st_size)
        listing.times.append(facts.st_mtime_ns)
    if len(listing.files) == before:
        listing.empty.append(folder.relative_to(root).as_posix())


def _walk(folder: str, above: frozenset[str]) -> Iterator[os.DirEntry[str]]:
    """The files below, sorted by name; ``above`` are the real folders that lead here."""
    real = os.path.realpath(folder)
    if real in above:
        return
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry.path, above | {real})
        elif entry.is_file():  # a broken link is neither
            yield entry


def _some(what: str, names: list[str]) -> str:
    some = shown(", ".join(names[:3])) + (", …" if len(names) > 3 else "")
    return f"{len(names):,} {what} ({some})."


def _unreadable(root: Path, error: OSError) -> str:
    if not root.exists():
        return f"{root}: there is no such folder. Check the path on the computer that runs this."
    if not root.is_dir():
        return f"{root}: not a folder. Give the folder that holds the class folders."
    return f"{root}: cannot be read ({error.strerror}). Check who may read it."
