"""Results that are kept on disk under a name made of their content, and computed when missing."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from fer_core.system.zip_files import UNREADABLE

T = TypeVar("T")


def load_or_compute(
    file: Path | None,
    load: Callable[[Path], T],
    compute: Callable[[], T],
    save: Callable[[Path, T], None],
) -> T:
    """Return what ``load`` reads from ``file``; compute and save it where that is impossible.

    A file that is missing or damaged, or was written by another version, is computed anew. A file
    that cannot be written only costs time the next time.

    Args:
        file: Its name must change with everything the result depends on. None: nothing is stored.
        load: Reads the file.
        compute: Gives the result; its errors are raised.
        save: Writes the result to the file.
    """
    if file is None:
        return compute()
    with contextlib.suppress(OSError, KeyError, TypeError, *UNREADABLE):
        return load(file)
    result = compute()
    with contextlib.suppress(OSError):
        save(file, result)
    return result
