"""Scan a dataset: list its files, look at each once, remember what was seen."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core.dataset import ferplus, image_reading
from fer_core.dataset.discover import Listing, list_files
from fer_core.dataset.index import THUMB, DatasetIndex, Thumbs, make_table
from fer_core.errors import DatasetError, ImageError
from fer_core.system import files, parallel
from fer_core.system.parallel import Progress
from fer_core.system.paths import shown, typed
from fer_core.system.settings import settings

SEEN: Final = {
    "width": np.int32, "height": np.int32, "brightness": np.float32, "contrast": np.float32,
    "digest": np.uint64, "error": object,
}  # fmt: skip
"""What is learnt by opening a file, with its type."""


def scan(
    root: str | Path,
    progress: Progress | None = None,
    threads: int = 2,
    classes: Mapping[str, str] | None = None,
) -> DatasetIndex:
    """Open a dataset folder.

    Files whose size and time are those of the last scan are not opened again; what was learnt of
    them is kept under ``FER_CACHE``, but not on public links.

    Args:
        root: ``root/<class>/…`` or ``root/{train,validation,test}/<class>/…``; see ``listing``.
            FER+ votes are read from a ``labels.csv`` or ``fer2013new.csv`` in it.
        progress: See ``chunks.Progress``.
        threads: Threads that open files.
        classes: What other folder names, in lower case, stand for: ``{"contempt": "disgust"}``.

    Raises:
        DatasetError: The folder is missing, cannot be read, has a name that is not UTF-8, or holds
            no class folders.
        CancelledError: ``progress`` asked to stop.
    """
    root = typed(root, DatasetError).absolute()
    if (name := shown(str(root))) != str(root):
        raise DatasetError(f"{name}: this folder's name is not UTF-8. Rename it.")
    listing = list_files(root, classes)
    cache = _cache_file(root)
    seen, thumbs, rows = _recall(cache, listing)
    if len(rows):

        def look(start: int, stop: int) -> None:
            for row in rows[start:stop].tolist():
                _look_at(root, listing.files, seen, thumbs, row)

        parallel.run(look, len(rows), progress, threads)
    table = _table(listing, seen)
    if len(rows) and settings().policy.may_store:  # what strangers bring is not stored
        _remember(cache, table, thumbs)
    return DatasetIndex(root, table, thumbs, listing.notes(), ferplus.find(root, table))


def _table(listing: Listing, seen: dict[str, npt.NDArray[Any]]) -> pd.DataFrame:
    listed: dict[str, Any] = {
        "file": listing.files,
        "split": listing.splits,
        "label": listing.labels,
        "bytes": np.asarray(listing.sizes, np.int64),
        "mtime_ns": np.asarray(listing.times, np.int64),
    }
    return make_table(listed | seen)


def _look_at(
    root: Path, names: Sequence[str], seen: dict[str, npt.NDArray[Any]], thumbs: Thumbs, row: int
) -> None:
    """Open one file and fill its place."""
    try:
        facts = image_reading.facts(image_reading.read(root / names[row]))
    except ImageError as error:
        seen["error"][row] = str(error)
        return
    for name in ("width", "height", "brightness", "contrast", "digest"):
        seen[name][row] = getattr(facts, name)
    thumbs[row] = facts.thumb


def _cache_file(root: Path) -> Path:
    key = hashlib.sha256(str(root).encode()).hexdigest()[:16]
    return settings().cache / "scans" / f"{key}.parquet"


def _recall(
    cache: Path, listing: Listing
) -> tuple[dict[str, npt.NDArray[Any]], Thumbs, npt.NDArray[np.intp]]:
    """What is known of the listed files, and the rows of those that must be opened."""
    count = len(listing.files)
    seen = {name: np.zeros(count, kind) for name, kind in SEEN.items()}
    seen["error"][:] = ""
    thumbs = np.zeros((count, THUMB, THUMB), np.uint8)
    old = _read_cache(cache)
    if old is None:
        return seen, thumbs, np.arange(count)
    table, old_thumbs = old
    places = pd.Index(table["file"]).get_indexer(pd.Index(listing.files, dtype="str"))
    same = (
        (places >= 0)
        & (table["bytes"].to_numpy()[places] == listing.sizes)
        & (table["mtime_ns"].to_numpy()[places] == listing.times)
        & (table["error"].to_numpy()[places] == "")  # might have been the disk's or the network's
    )
    for name in SEEN:
        seen[name][same] = table[name].to_numpy()[places[same]]
    thumbs[same] = old_thumbs[places[same]]
    return seen, thumbs, np.flatnonzero(~same)


def _read_cache(cache: Path) -> tuple[pd.DataFrame, Thumbs] | None:
    """The last scan, or None where there is none that can be used."""
    try:
        table = pd.read_parquet(cache)
        thumbs = np.load(cache.with_suffix(".npy"), mmap_mode="r")
        needed = {"file", "bytes", "mtime_ns", *SEEN}
        fits = thumbs.shape == (len(table), THUMB, THUMB) and needed <= set(table.columns)
    except (OSError, ValueError, EOFError):
        return None
    return (table, thumbs) if fits and len(table) else None


def _remember(cache: Path, table: pd.DataFrame, thumbs: Thumbs) -> None:
    """Keep a scan; a cache that cannot be written only costs time."""
    try:
        cache.unlink(missing_ok=True)  # never a table beside the thumbnails of another scan
        files.write_bytes(cache.with_suffix(".npy"), files.npy_bytes(thumbs))
        files.write_bytes(cache, files.parquet_bytes(table))
    except OSError:
        return
