"""Scan a dataset: list its files, open each once, and cache what was read."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core.dataset import ferplus, import_record, old_versions, store
from fer_core.dataset.discover import list_files
from fer_core.dataset.index import THUMB, DatasetIndex, Thumbs
from fer_core.dataset.left_out import sentences
from fer_core.dataset.listing import Listing
from fer_core.dataset.opened import KINDS, Opened, open_files
from fer_core.errors import DatasetError
from fer_core.system import files
from fer_core.system.parallel import Progress
from fer_core.system.paths import typed
from fer_core.system.settings import settings
from fer_core.system.text import utf8


def scan(
    root: str | Path,
    progress: Progress | None = None,
    threads: int = 2,
    classes: Mapping[str, str] | None = None,
) -> DatasetIndex:
    """Open a dataset folder.

    Files whose size and time are those of the last scan are not opened again; what was read of
    them is cached under ``FER_CACHE``, but not on public links.

    Args:
        root: ``root/<class>/…`` or ``root/{train,validation,test}/<class>/…``, or another layout of
            ``discover``. FER+ votes are read from a ``labels.csv`` or ``fer2013new.csv`` in it.
        progress: Called with the files opened and the files to open.
        threads: Threads that open files, or processes where there are many.
        classes: Emotions of other class names, in lower case: ``{"contempt": "disgust"}``; ``none``
            leaves a class out.

    Raises:
        DatasetError: The folder is missing, cannot be read, has a name that is not UTF-8, or holds
            no images of any class.
        CancelledError: ``progress`` asked to stop.
    """
    root = typed(root, DatasetError).absolute()
    if (name := utf8(str(root))) != str(root):
        raise DatasetError(f"{name}: this folder's name is not UTF-8. Rename it.")
    listing = list_files(root, classes)
    if listing.boxes is not None:
        raise DatasetError(
            f"{root}: a list gives the faces as boxes in its images. Import it, which cuts the "
            f"faces out: python -m fer_core dataset import {root}"
        )
    cache = _cache_file(root)
    opened, rows = _recall(cache, listing)
    if len(rows):
        names = [listing.files[row] for row in rows.tolist()]
        new = open_files(root, names, progress, threads)
        if len(rows) == len(listing.files):
            opened = new  # not twice in memory
        else:
            opened.put(rows, new)
    table = listing.table().assign(**opened.facts).astype({"error": "str"})
    if len(rows) and settings().policy.may_store:  # uploads of visitors are not stored
        _remember(cache, table, opened.thumbs)
    return _with_notes(DatasetIndex(root, table, opened.thumbs), listing)


def _with_notes(index: DatasetIndex, listing: Listing) -> DatasetIndex:
    """Return the index with votes, and with what was left out now and when it was imported."""
    bad = index.table["file"][~index.is_readable]
    if len(bad):
        listing.tally.add("unreadable", str(bad.iloc[0]), len(bad))
    left_out = listing.left_out()
    store.about(index.root)  # which raises where a newer version made the dataset
    record = import_record.load(index.root)
    imported = record.sentences if record else ()
    notes = (*listing.remarks(), *sentences(left_out), *imported)
    index = replace(index, notes=notes, left_out=left_out, votes=listing.votes)
    index = index if index.votes is not None else ferplus.find(index)
    has_old_votes = any(ferplus.OLD_VOTES in note for note in index.notes)
    return old_versions.with_votes_of_source(index, list_files) if has_old_votes else index


def _cache_file(root: Path) -> Path:
    key = hashlib.sha256(str(root).encode()).hexdigest()[:16]
    return settings().cache / "scans" / f"{key}.parquet"


def _recall(cache: Path, listing: Listing) -> tuple[Opened, npt.NDArray[np.intp]]:
    """Return cached values of the listed files, and the rows to open."""
    opened = Opened.empty(len(listing.files))
    old = _read_cache(cache)
    if old is None:
        return opened, np.arange(len(listing.files))
    table, old_thumbs = old
    places = pd.Index(table["file"]).get_indexer(pd.Index(listing.files, dtype="str"))
    same = (
        (places >= 0)
        & (table["bytes"].to_numpy()[places] == listing.sizes)
        & (table["mtime_ns"].to_numpy()[places] == listing.times)
        & (table["error"].to_numpy()[places] == "")  # might have been the disk's or the network's
    )
    for name in KINDS:
        opened.facts[name][same] = table[name].to_numpy()[places[same]]
    opened.thumbs[same] = old_thumbs[places[same]]
    return opened, np.flatnonzero(~same)


def _read_cache(cache: Path) -> tuple[pd.DataFrame, Thumbs] | None:
    """Return the last scan with its thumbnails (N, 16, 16); None where it cannot be used."""
    try:
        table = pd.read_parquet(cache)
        thumbs = np.load(cache.with_suffix(".npy"), mmap_mode="r")
        needed = {"file", "bytes", "mtime_ns", *KINDS}
        fits = thumbs.shape == (len(table), THUMB, THUMB) and needed <= set(table.columns)
    except (OSError, ValueError, EOFError):
        return None
    return (table, thumbs) if fits and len(table) else None


def _remember(cache: Path, table: pd.DataFrame, thumbs: Thumbs) -> None:
    """Cache a scan; a cache that cannot be written only costs time."""
    try:
        cache.unlink(missing_ok=True)  # never a table beside the thumbnails of another scan
        files.write_bytes(cache.with_suffix(".npy"), files.npy_bytes(thumbs))
        files.write_bytes(cache, files.parquet_bytes(table))
    except OSError:
        return
