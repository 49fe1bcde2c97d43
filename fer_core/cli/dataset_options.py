"""Options of every command that opens a dataset, and the dataset they name."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fer_core.cli.terminal import progress_bar
from fer_core.dataset import DatasetIndex, numberings, store
from fer_core.dataset.source import DatasetSource
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS
from fer_core.recognition import crop_dataset
from fer_core.system.paths import typed
from fer_core.system.text import counted


def add(parser: argparse.ArgumentParser, *, positional: bool = False, **options: Any) -> None:
    """Add ``DIR`` or ``--data DIR``, ``--classes``, ``--votes`` and ``--decisions``.

    Args:
        parser: The parser of a command.
        positional: Take the folder as an argument instead of ``--data``.
        **options: For ``--data``, such as ``required=True``.
    """
    help_text = "dataset folder, or demo"
    if positional:
        parser.add_argument("data", metavar="DIR", help=help_text)
    else:
        parser.add_argument("--data", metavar="DIR", **{"help": help_text} | options)
    add_classes(parser)
    parser.add_argument("--votes", type=Path, help="FER+ votes: labels.csv or fer2013new.csv")
    parser.add_argument("--decisions", type=Path, help="decisions.csv to apply to the dataset")


def add_classes(parser: argparse.ArgumentParser) -> None:
    """Add ``--classes``; ``--folder`` is its old name."""
    parser.add_argument(
        "--classes", "--folder", action="append", default=[], type=class_pairs,
        metavar="NAME=EMOTION",
        help="emotion of a class with another name or number, as contempt=disgust, or none to "
        "leave it out; or the dataset whose numbers the classes have, as RAF-DB; may be repeated",
    )  # fmt: skip


def add_detect(parser: argparse.ArgumentParser, default: str) -> None:
    """Add ``--detect``: what becomes of photos that are no face crops."""
    parser.add_argument(
        "--detect", action=argparse.BooleanOptionalAction,
        help="cut the faces out of photos first; --no-detect takes every image for a face crop "
        f"(default: {default})",
    )  # fmt: skip


def class_pairs(text: str) -> list[tuple[str, str]]:
    """Return names, in lower case, with emotions: of ``NAME=EMOTION``, or of a numbering.

    Args:
        text: ``contempt=disgust``, ``contempt=none`` to leave a class out, or ``RAF-DB``.
    """
    name, _, emotion = text.rpartition("=")
    numbering = numberings.find(text)
    if numbering is not None:
        return list(numbering.emotions.items())
    if not name or emotion not in (*EMOTIONS, numberings.NOT_ONE_OF_SEVEN):
        titles = ", ".join(each.title for each in numberings.NUMBERINGS)
        raise argparse.ArgumentTypeError(
            f"must be NAME=EMOTION with one of {', '.join(EMOTIONS)} or none, or one of {titles}. "
            f"Received: {text!r}"
        )
    return [(name.lower(), emotion)]


def classes(options: argparse.Namespace) -> dict[str, str] | None:
    """Return the emotions that ``--classes`` gives to names; None without."""
    return {name: emotion for pairs in options.classes for name, emotion in pairs} or None


def source(options: argparse.Namespace) -> DatasetSource:
    """Return the dataset that the options name, with absolute paths."""
    return DatasetSource(
        options.data
        if options.data == "demo"
        else str(typed(options.data, DatasetError).absolute()),
        votes=str(options.votes.absolute()) if options.votes else None,
        decisions=str(options.decisions.absolute()) if options.decisions else None,
        corrections=getattr(options, "corrections", False),
        classes=classes(options),
    )


def open_dataset(options: argparse.Namespace) -> DatasetIndex:
    """Open the dataset that the options name; its notes go to stderr."""
    index = source(options).open(progress_bar("scan"))
    print_notes(index.notes)
    return index


def cut_photos(options: argparse.Namespace, index: DatasetIndex, home: Path) -> DatasetIndex:
    """Return ``index``, or the faces of its photos in a new dataset below ``home``.

    Args:
        options: ``detect``: True to cut, False not to, None to cut where the images are photos.
        index: The dataset.
        home: Folder of the new dataset's folder.
    """
    if options.detect is False:
        return index
    check = crop_dataset.check_photos(index)
    if not (options.detect or check.are_photos):
        return index
    folder = crop_dataset.cropped_once(index, home, progress_bar("faces"))
    faces = DatasetSource(str(folder)).open(progress_bar("scan"))
    cut, images = counted(len(faces), "face"), counted(len(index), "image")
    note = f"Used instead: {cut} cut out of {images}, in {folder}."
    print("note:", *filter(None, [check.sentence, note]), file=sys.stderr)
    return faces


def require_crops(options: argparse.Namespace, index: DatasetIndex) -> DatasetIndex:
    """Return ``index``, or with ``--detect`` its faces in a new dataset of the store.

    Raises:
        DatasetError: The images are photos, and neither ``--detect`` nor ``--no-detect`` was given.
    """
    if options.detect is None and (sentence := crop_dataset.check_photos(index).sentence):
        raise DatasetError(
            f"{index.root}: {sentence} Run first: python -m fer_core dataset crop {index.root}, "
            "or add --detect. If they are face crops after all, add --no-detect."
        )
    return cut_photos(options, index, store.default_home()) if options.detect else index


def crops_source(options: argparse.Namespace, source: DatasetSource) -> DatasetSource:
    """Return ``source``, or with ``--detect`` the dataset of its faces; see ``require_crops``."""
    index = source.open()
    crops = require_crops(options, index)
    if crops is index:
        return source  # votes, decisions and classes are applied to the faces already
    return DatasetSource(str(crops.root), corrections=source.corrections)


def print_notes(notes: Iterable[str]) -> None:
    """Print sentences on how a dataset was read and what was left out, to stderr."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
