"""Write files so that no reader ever sees half of one.

Who may read them is left to the process's umask: the server's lets its own user alone.
"""

import hashlib
import io
import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fer_core.errors import FerError

if TYPE_CHECKING:  # pandas takes a third of a second, and recognising needs none of it
    import pandas as pd


@contextmanager
def os_errors(sentence: str, error: type[FerError], advice: str = "") -> Iterator[None]:
    """Raise ``error`` where the block raises ``OSError``.

    Args:
        sentence: What failed, with the path: "PATH cannot be removed". The cause follows it.
        error: The kind of error.
        advice: What to do about it.
    """
    try:
        yield
    except OSError as reason:
        cause = f"{sentence} ({reason.strerror or reason})."
        raise error(f"{cause} {advice}".strip()) from reason


def writing(
    path: Path | str, error: type[FerError], advice: str = "Free some space and check its owner."
) -> AbstractContextManager[None]:
    """Raise ``error``, which names ``path``, where the block cannot write; see ``os_errors``."""
    return os_errors(f"{path} cannot be written", error, advice)


def reading(
    path: Path | str, error: type[FerError], advice: str = ""
) -> AbstractContextManager[None]:
    """Raise ``error``, which names ``path``, where the block cannot read; see ``os_errors``."""
    return os_errors(f"{path}: cannot be read", error, advice)


def write_bytes(file: Path, data: bytes | memoryview) -> None:
    """Write under a temporary name beside ``file`` and rename; makes the folder if needed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = unused_name(file)
    try:
        with part.open("xb") as new:
            new.write(data)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        error.filename, error.filename2 = str(file), None  # nobody knows the temporary name
        raise


def unused_name(file: Path) -> Path:
    """A hidden name beside ``file`` that nobody else has or guesses."""
    return file.with_name(f".{file.name}-{secrets.token_hex(8)}")


def numbered(wanted: str, is_taken: Callable[[str], bool]) -> str:
    """``wanted``, or where that is taken the first free of ``wanted-2``, ``wanted-3`` …."""
    name, number = wanted, 1
    while is_taken(name):
        number += 1
        name = f"{wanted}-{number}"
    return name


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder to fill that becomes ``folder`` when the block ends without an error."""
    staging = unused_name(folder.with_name(f"new-{folder.name}"))
    staging.mkdir()
    try:
        yield staging
        staging.rename(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def remove_folder(folder: Path) -> None:
    """Remove a folder, which is gone at once for everyone who looks."""
    doomed = folder.with_name(f".deleted-{folder.name}-{secrets.token_hex(8)}")
    folder.rename(doomed)
    shutil.rmtree(doomed)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write readable JSON as ``write_bytes`` does; file names that are not UTF-8 are escaped."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_bytes(file, text.encode("utf-8", "backslashreplace"))


def npy_bytes(array: npt.NDArray[Any]) -> memoryview:
    """An array as the bytes of an ``.npy`` file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getbuffer()


def parquet_bytes(table: "pd.DataFrame") -> bytes:
    """A table as the bytes of a ``.parquet`` file."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def sweep(folder: Path, older_s: float = 3600) -> None:
    """Remove what writers that were killed left below ``folder`` under hidden names."""
    for left in (*folder.glob(".new-*"), *folder.glob(".deleted-*")):
        if left.stat().st_mtime < time.time() - older_s:
            shutil.rmtree(left, ignore_errors=True)


def digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
