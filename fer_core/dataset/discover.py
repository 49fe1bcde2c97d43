"""List a dataset's images by split and class, and count what is left out."""

import os
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from fer_core.dataset import label_lists, name_patterns, numberings
from fer_core.dataset.file_kinds import DOCUMENT, IMAGE, RECORD, kind_of
from fer_core.dataset.folder_names import split_named
from fer_core.dataset.folder_walk import Walk
from fer_core.dataset.label_tables import Label, Labels
from fer_core.dataset.left_out import Tally
from fer_core.dataset.listing import Listing
from fer_core.dataset.numberings import NOT_ONE_OF_SEVEN
from fer_core.dataset.pixel_table import pixel_tables
from fer_core.errors import DatasetError
from fer_core.images.boxes import Box
from fer_core.labels import EMOTIONS
from fer_core.system.paths import is_hidden_below
from fer_core.system.text import utf8

MAX_FOLDERS_ASKED: Final = 2_000
"""Of a path that may still be typed, such as ``/``."""


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
        walk = Walk(root, classes, Listing(tally=start.copy()))
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
    walk = Walk(root, {}, Listing(), MAX_FOLDERS_ASKED)
    with suppress(OSError, DatasetError):
        walk.visit(str(root), "", 0)
    return {name: count for name, count in walk.listing.unknown.items() if utf8(name) == name}


def needs_import(root: Path) -> bool:
    """Return whether a folder holds a CSV of pixels or a list of boxes, and no class folders."""
    try:
        has_list = any(root.glob("label.lst")) or any(root.glob("*/label.lst"))
        if not root.is_dir() or not (has_list or pixel_tables(root)):
            return False
        walk = Walk(root, {}, Listing(), MAX_FOLDERS_ASKED)
        walk.visit(str(root), "", 0)
    except (OSError, DatasetError):
        return False
    return not walk.listing.files


def _from_lists(root: Path, classes: Mapping[str, str], start: Tally) -> Listing | None:
    """Return the images whose class stands in a list or in their names; None without."""
    walk = Walk(root, classes, Listing(tally=start.copy()))
    listing = walk.listing
    images, documents = _all_files(walk)
    paths = list(images)
    labels = label_lists.read(root, paths, documents, classes)
    if labels is None:
        by_name = name_patterns.labels([path.rsplit("/", 1)[-1] for path in paths], classes)
        if by_name is None:
            return None
        rows = [Label(at, emotion) for at, emotion in enumerate(by_name[0]) if emotion]
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


def _all_files(walk: Walk) -> tuple[dict[str, os.stat_result], list[str]]:
    """Return every image with its facts, and every table or text; the others are left out."""
    images: dict[str, os.stat_result] = {}
    documents = []
    listing = walk.listing
    for entry in walk.files_below(str(walk.root)):
        path = walk.below(entry.path)
        if is_hidden_below(path):
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
        return (
            f"{root}: not a folder. Give the folder that holds the class folders. A ZIP or a CSV "
            f"of pixels is imported first: python -m fer_core dataset import {root}"
        )
    return f"{root}: cannot be read ({error.strerror}). Check who may read it."
