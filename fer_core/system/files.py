"""Write files so that no reader ever sees half of one.

Who may read them is left to the process's umask: the server's lets its own user alone.
"""

import glob
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from fer_core.errors import FerError

if TYPE_CHECKING:  # pandas takes a third of a second, and recognising needs none of it
    import pandas as pd

HALF: Final = re.compile(r"\..+-[0-9a-f]{16}", re.DOTALL)
"""Names that ``unused_name`` gives."""


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


def write_bytes(file: Path, data: bytes | memoryview, durable: bool = False) -> None:
    """Write under a temporary name beside ``file`` and rename; makes the folder if needed.

    Args:
        file: What to write.
        data: Its content.
        durable: Return only when it would survive a loss of power.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    part = unused_name(file)
    try:
        with part.open("xb") as new:
            new.write(data)
            if durable:
                sync(new)
        part.replace(file)
        if durable:
            sync_folder(file.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        error.filename, error.filename2 = str(file), None  # nobody knows the temporary name
        raise


def sync(file: IO[bytes]) -> None:
    """Have what was written to ``file`` survive a loss of power."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` survive a loss of power, where the system can."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def sweep_halves(file: Path) -> None:
    """Remove what killed writers left of ``file`` under names of ``unused_name``."""
    for half in file.parent.glob(f".{glob.escape(file.name)}-{'[0-9a-f]' * 16}"):
        half.unlink(missing_ok=True)


def unused_name(file: Path) -> Path:
    """Return a hidden name beside ``file`` that nobody else has or guesses."""
    return file.with_name(f".{file.name}-{secrets.token_hex(8)}")


def numbered(name: str, is_taken: Callable[[str], bool]) -> str:
    """Return ``name``, or where that is taken the first free of ``name-2``, ``name-3`` …."""
    free, number = name, 1
    while is_taken(free):
        number += 1
        free = f"{name}-{number}"
    return free


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder that becomes ``folder`` when the block ends without an error."""
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


def check_format(
    content: Mapping[str, Any], newest: int, file: Path | str, error: type[FerError]
) -> None:
    """Raise ``error`` where a later version wrote ``content``; version 0.1 wrote no ``format``.

    Args:
        content: A JSON object with its number under ``format``.
        newest: The latest format that this version reads.
        file: Where it comes from, for the message.
        error: The kind of error.

    Raises:
        TypeError: ``content`` is no JSON object.
    """
    if not isinstance(content, Mapping):
        raise TypeError(f"a JSON object is needed, and this is a {type(content).__name__}")
    version = content.get("format", 1)
    if not isinstance(version, int) or version > newest:
        raise error(
            f"{file} was written by a newer version of FER Studio (format {version}; this one "
            f"reads up to {newest}). Update FER Studio to use it."
        )


def npy_bytes(array: npt.NDArray[Any]) -> memoryview:
    """Return an array of any shape, such as (N, H, W), as the bytes of an ``.npy`` file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getbuffer()


def parquet_bytes(table: "pd.DataFrame") -> bytes:
    """Return a table as the bytes of a ``.parquet`` file."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def sweep_below(folder: Path, older_s: float = 3600) -> None:
    """Remove halves of files, see ``sweep_halves``, in a folder and all those below it.

    Args:
        folder: Where to look; it need not exist.
        older_s: Seconds since the last change; a younger one is being written perhaps.
    """
    for root, _, names in os.walk(folder):
        for half in (Path(root, name) for name in names if HALF.fullmatch(name)):
            with suppress(OSError):
                if half.stat().st_mtime < time.time() - older_s:
                    half.unlink()


def sweep(folder: Path, older_s: float = 3600) -> None:
    """Remove folders that killed writers left in ``folder`` under hidden names."""
    for leftover in (*folder.glob(".new-*"), *folder.glob(".deleted-*")):
        if leftover.stat().st_mtime < time.time() - older_s:
            shutil.rmtree(leftover, ignore_errors=True)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
