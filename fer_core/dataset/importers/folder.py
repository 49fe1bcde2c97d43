"""Copy a folder of images into a new dataset, with votes and groups beside them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from fer_core.dataset import ferplus, groups, image_reading, store
from fer_core.dataset.discover import list_files
from fer_core.dataset.import_record import ImportRecord
from fer_core.dataset.importers.fer2013_csv import write_csv
from fer_core.dataset.importers.options import ImportOptions
from fer_core.dataset.index import DatasetIndex
from fer_core.dataset.left_out import Tally
from fer_core.dataset.listing import Listing
from fer_core.dataset.pixel_table import pixel_tables
from fer_core.errors import DatasetError, ImageError
from fer_core.images.boxes import Box
from fer_core.images.crop import face_crop
from fer_core.system.files import numbered, reading

FACE_SIDE: Final = 224
"""Largest side of faces cut out of photos, in pixels."""


def write_folder(
    source: Path, folder: Path, options: ImportOptions, title: str, tally: Tally | None = None
) -> None:
    """Copy a dataset's images to ``<split>/<emotion>/``, with votes and groups beside them.

    A folder without images in classes that holds a ``fer2013.csv`` is read as that file.

    Args:
        source: See ``scan``.
        folder: The new dataset.
        options: See ``ImportOptions``.
        title: Name of what is imported, for messages.
        tally: What was left out before, as from an archive.

    Raises:
        DatasetError: The folder holds no images of any class, the votes fit none of the images, or
            an image has gone meanwhile.
    """
    try:
        listing = list_files(source, options.classes, tally)
    except DatasetError as error:
        if tables := pixel_tables(source):
            _write_table(source, tables, folder, options)
            return
        raise DatasetError(
            str(error).replace(str(source), title).replace(source.name, title)
        ) from error
    index = DatasetIndex(source, listing.table(), np.empty((0, 0, 0), np.uint8))
    if options.votes is not None:
        index = ferplus.attach_bytes(index, options.votes)
    elif listing.votes is not None:
        index = replace(index, votes=listing.votes)
    else:
        index = ferplus.find(index)
    copied, paths = _copy(source, listing, folder, options)
    ferplus.save(index, folder, paths, copied)
    groups.save(index, folder, paths, copied)
    notes = (*listing.notes, *index.notes)
    ImportRecord(title, notes, listing.left_out(), options.classes).save(folder)


def _write_table(source: Path, tables: list[Path], folder: Path, options: ImportOptions) -> None:
    """Write the images of the CSV of pixels in a folder.

    Of several the one called ``fer2013`` is taken, else the largest. ``fer2013new.csv`` beside it
    gives votes where it fits.
    """
    fer2013_tables = [table for table in tables if "fer2013" in table.name.lower()]
    by_size = sorted(fer2013_tables or tables, key=lambda file: file.stat().st_size)
    table = by_size[-1]
    other_tables = [other.name for other in tables if other != table]
    beside = next(iter(sorted(source.rglob(ferplus.OFFICIAL))), None)
    with reading(table, DatasetError):
        file = table.open("rb")
    note = f"Read from {table.name}."
    with file:
        if options.votes is None and beside is not None:
            try:
                write_csv(file, folder, replace(options, votes=ferplus.read(beside)), table.name)
            except DatasetError as error:
                if "FER+" not in str(error):
                    raise
                note += f" {beside.name} was not used: {error}"
                file.seek(0)
                write_csv(file, folder, options, table.name)
        else:
            write_csv(file, folder, options, table.name)
    if other_tables:
        note += f" Other tables of pixels were not read: {', '.join(other_tables)}."
    add_note(folder, note)


def _copy(
    source: Path, listing: Listing, folder: Path, options: ImportOptions
) -> tuple[np.typing.NDArray[np.int64], list[str]]:
    """Copy the images; returns their rows (N,) in the listing and paths (N,) below ``folder``."""
    places = [
        f"{split}/{label}" for split, label in zip(listing.splits, listing.labels, strict=True)
    ]
    names = [file.rsplit("/", 1)[-1] for file in listing.files]
    repeated = Counter(zip(places, names, strict=True))
    paths: list[str] = []
    rows: list[int] = []
    used_paths: set[str] = set()
    for row, file in enumerate(listing.files):
        name = names[row]
        if repeated[places[row], name] > 1:  # as in folders of subjects: keep what tells them apart
            name = listing.below_class[row].replace("/", "-")
        stem, dot, suffix = name.rpartition(".")
        if not stem:
            stem, dot, suffix = name, "", ""
        path = _free(f"{places[row]}/{stem}", dot + suffix, used_paths)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if listing.boxes is not None:
            path = path.removesuffix(dot + suffix) + ".png"
            if not _cut(source / file, listing.boxes[row], folder / path, listing.tally):
                continue
        else:
            store.copy(source / file, folder / path)
        used_paths.add(path)
        paths.append(path)
        rows.append(row)
        if options.progress and row % 256 == 0:
            options.progress(row, len(listing.files))
    return np.asarray(rows, np.int64), paths


def _free(path: str, suffix: str, used_paths: set[str]) -> str:
    """Return a path with a number behind it where it is taken."""
    return numbered(path, lambda name: name + suffix in used_paths) + suffix


def _cut(source: Path, box: Box, target: Path, tally: Tally) -> bool:
    """Write the face in a box of an image as PNG; False where the image cannot be read."""
    try:
        image = image_reading.read(source)
    except ImageError:
        tally.add("unreadable", source.name)
        return False
    side = min(round(max(box.width, box.height, 1)), FACE_SIDE)
    face = face_crop(image, box, side) if box.area else image
    target.write_bytes(image_reading.png(face))
    return True


def add_note(folder: Path, note: str) -> None:
    """Add a sentence to the record of an import."""
    from fer_core.dataset import import_record

    record = import_record.load(folder)
    if record is not None:
        replace(record, notes=(note, *record.notes)).save(folder)
