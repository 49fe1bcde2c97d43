"""Open the files of a dataset, on all cores, and keep what a scan needs of them."""

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fer_core.dataset import image_reading
from fer_core.dataset.index import THUMB, Thumbs
from fer_core.errors import DatasetError, ImageError
from fer_core.system import isolated, parallel
from fer_core.system.parallel import Progress

KINDS: Final = {
    "width": np.int32, "height": np.int32, "brightness": np.float32, "contrast": np.float32,
    "digest": np.uint64, "error": object,
}  # fmt: skip
"""Values that are read from a file, with their types."""

MANY: Final = 20_000
"""From so many files on each core has a process: of 60,000 small images two open them in 0.6 of the
CPU time of threads. Fewer files are open before the processes have started."""

PART: Final = 50_000
"""Most files that a process opens, so that its memory does not grow with the dataset."""

LIMIT_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """Values of N files.

    Attributes:
        facts: Each of ``KINDS``, (N,).
        thumbs: uint8 (N, 16, 16).
    """

    facts: dict[str, npt.NDArray[Any]]
    thumbs: Thumbs

    @classmethod
    def empty(cls, count: int) -> "Opened":
        """Return the values of ``count`` files that are not open yet."""
        facts = {name: np.zeros(count, kind) for name, kind in KINDS.items()}
        facts["error"][:] = ""
        return cls(facts, np.zeros((count, THUMB, THUMB), np.uint8))

    def put(self, rows: npt.NDArray[np.intp] | slice, other: "Opened") -> None:
        """Put the values of other files into ``rows``, intp (M,) or a slice of M rows."""
        for name, column in other.facts.items():
            self.facts[name][rows] = column
        self.thumbs[rows] = other.thumbs


def open_files(
    root: Path, names: Sequence[str], progress: Progress | None = None, threads: int = 2
) -> Opened:
    """Return the values of the files ``names`` below ``root``, in their order.

    Args:
        root: The dataset's folder.
        names: Paths below it, with ``/``.
        progress: Called with the files opened and the files to open.
        threads: Threads or processes that open files.

    Raises:
        CancelledError: ``progress`` asked to stop.
        DatasetError: A process died.
    """
    if len(names) >= MANY and threads > 1 and (os.cpu_count() or 1) > 1:
        return _in_processes(root, names, progress, threads)
    opened = Opened.empty(len(names))
    parallel.run(
        lambda start, stop: _open(root, names, opened, range(start, stop)),
        len(names), progress, threads,
    )  # fmt: skip
    return opened


def _in_processes(
    root: Path, names: Sequence[str], progress: Progress | None, count: int
) -> Opened:
    parts = np.array_split(np.arange(len(names)), max(count, math.ceil(len(names) / PART)))
    done, lock = [0] * len(parts), Lock()

    def call(number: int) -> dict[str, Any]:
        def report(part_done: int, _: int) -> None:
            with lock:
                done[number] = part_done
                if progress:
                    progress(sum(done), len(names))

        rows = parts[number]
        arguments = {"root": str(root), "names": list(names[rows[0] : rows[-1] + 1])}
        result: dict[str, Any] = isolated.call(
            "fer_core.dataset.opened:open_apart", arguments, LIMIT_S,
            error=lambda reason: DatasetError(f"{root}: its images could not be read ({reason})."),
            progress=report,
        )  # fmt: skip
        return result

    opened = Opened.empty(len(names))
    with ThreadPoolExecutor(count) as pool:
        for rows, result in zip(parts, pool.map(call, range(len(parts))), strict=True):
            errors = np.full(len(rows), "", object)
            for row, message in result["errors"].items():
                errors[int(row)] = message
            part = Opened(result["facts"] | {"error": errors}, result["thumbs"])
            opened.put(slice(rows[0], rows[-1] + 1), part)
    return opened


def open_apart(root: str, names: list[str], progress: Progress) -> dict[str, Any]:
    """Return the values of files as arrays and errors by row; called in a process of its own."""
    opened, folder = Opened.empty(len(names)), Path(root)
    for start in range(0, len(names), 1024):
        stop = min(start + 1024, len(names))
        _open(folder, names, opened, range(start, stop))
        progress(stop, len(names))
    errors = opened.facts.pop("error")
    rows = np.flatnonzero(errors != "").tolist()
    return {
        "facts": opened.facts, "thumbs": opened.thumbs,
        "errors": {row: errors[row] for row in rows},
    }  # fmt: skip


def _open(root: Path, names: Sequence[str], opened: Opened, rows: range) -> None:
    """Open some files and fill their rows."""
    facts, thumbs = opened.facts, opened.thumbs
    for row in rows:
        try:
            image = image_reading.facts(image_reading.read_below(root, names[row]))
        except ImageError as error:
            facts["error"][row] = str(error)
            continue
        facts["width"][row], facts["height"][row] = image.width, image.height
        facts["brightness"][row], facts["contrast"][row] = image.brightness, image.contrast
        facts["digest"][row] = image.digest
        thumbs[row] = image.thumb
