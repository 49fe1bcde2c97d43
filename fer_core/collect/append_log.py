"""A log of JSON lines that only grows: what was written once survives a crash and a full disk."""

import errno
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from fer_core.errors import DatasetError
from fer_core.system.files import reading, sync, writing


def append(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append rows, all of them or none; returns when they would survive a loss of power.

    Several processes may append at the same time.

    Raises:
        DatasetError: They cannot be written. The log is as it was before.
    """
    data = b"".join(json.dumps(dict(row), ensure_ascii=True).encode() + b"\n" for row in rows)
    if not data:
        return
    with writing(file, DatasetError, "Nothing of it is kept yet. Free some space and try again."):
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock"), timeout=30), file.open("ab", buffering=0) as log:
            size = log.tell()
            data = (b"" if _ends_a_line(file, size) else b"\n") + data
            try:
                if log.write(data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                sync(log)
            except OSError:
                os.truncate(file, size)
                raise


def read(file: Path) -> list[dict[str, Any]]:
    """Return the rows in the order they were written; a torn line counts for nothing.

    Raises:
        DatasetError: The file is there and cannot be read.
    """
    rows = []
    with reading(file, DatasetError):
        try:
            lines = file.read_bytes().splitlines()
        except FileNotFoundError:
            return []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue  # a crash in the middle of a line: its writer was never told that it is kept
        if isinstance(row, dict):
            rows.append(row)
    return rows


def _ends_a_line(file: Path, size: int) -> bool:
    if not size:
        return True
    with file.open("rb") as log:
        log.seek(size - 1)
        return log.read(1) == b"\n"
