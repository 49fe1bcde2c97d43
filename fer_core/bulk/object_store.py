"""Files in object stores, and lists of files, for those who have more than fits a folder."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from fer_core.errors import DatasetError

SCHEMES: Final = ("s3", "gs", "file")
COLUMN: Final = "path"
"""Column of a list that names the files."""


def is_address(name: str) -> bool:
    """Return True for an address such as ``s3://bucket/photos``, False for a path."""
    return "://" in name


def locate(address: str) -> tuple[Any, str]:
    """Return the ``pyarrow`` file system of an address, and the path in it.

    Options such as ``?region=eu-central-1`` or ``?endpoint_override=host:port`` belong to the
    store, not to the path; see pyarrow's ``FileSystem.from_uri``.

    Raises:
        DatasetError: There is no such kind of address, it holds keys, or the store cannot be
            reached.
    """
    parts = urlsplit(address)
    if parts.scheme not in SCHEMES:
        kinds = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise DatasetError(f"{name_of(address)}: addresses begin with {kinds}.")
    if "@" in parts.netloc:
        raise DatasetError(
            f"{name_of(address)}: keys do not belong in an address, which is written down. Set "
            "them in the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    base = f"{parts.scheme}://{parts.netloc}/" + (f"?{parts.query}" if parts.query else "")
    return _filesystem(base), parts.netloc + unquote(parts.path).rstrip("/")


def name_of(address: str) -> str:
    """Return the name of a file in the results: its address without options and keys."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{unquote(parts.path)}"


def below(address: str) -> Iterator[tuple[str, str, str]]:
    """Yield each file below an address, sorted: its path, whole and from there on, its fingerprint.

    Where the address is that of a file, it is yielded with an empty second path.

    Raises:
        DatasetError: The store cannot be reached or refuses.
    """
    store, path = locate(address)
    try:
        info = store.get_file_info(path)
        if info.type == pafs.FileType.File:
            yield info.path, "", _fingerprint(info)
            return
        files = store.get_file_info(pafs.FileSelector(path, recursive=True))
    except OSError as error:
        raise DatasetError(f"{name_of(address)}: cannot be listed ({error}).") from error
    for file in sorted(files, key=lambda file: file.path):
        if file.type == pafs.FileType.File:
            yield file.path, file.path.removeprefix(path).lstrip("/"), _fingerprint(file)


def read(address: str, path: str) -> bytes:
    """Return the bytes of the file at ``path`` in the store of ``address``.

    Raises:
        OSError: It cannot be read.
    """
    store, _ = locate(address)
    with store.open_input_file(path) as file:
        return bytes(file.read())


def fingerprint(address: str, path: str) -> str:
    """Return size and time of change of the file at ``path`` in the store of ``address``."""
    store, _ = locate(address)
    return _fingerprint(store.get_file_info(path))


def listed(file: Path) -> Iterator[str]:
    """Yield the paths and addresses in a Parquet file, or a folder of them.

    Raises:
        DatasetError: It cannot be read, or has no column of texts called ``path``.
    """
    for part in sorted(file.rglob("*.parquet")) if file.is_dir() else (file,):
        try:
            with pq.ParquetFile(part) as table:
                kind = table.schema_arrow.field(COLUMN).type
                if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                    raise KeyError(COLUMN)
                for rows in table.iter_batches(columns=[COLUMN]):
                    yield from filter(None, rows.column(0).to_pylist())
        except KeyError as error:
            raise DatasetError(
                f"{part}: a list of files needs a column called {COLUMN} with their paths or "
                "addresses as text."
            ) from error
        except (OSError, UnicodeError, pa.ArrowInvalid) as error:
            raise DatasetError(f"{part}: cannot be read as Parquet ({error}).") from error


def _fingerprint(info: Any) -> str:
    return f"{info.size}-{info.mtime_ns}"


@lru_cache(maxsize=64)
def _filesystem(base: str) -> Any:
    try:
        return pafs.FileSystem.from_uri(base)[0]
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DatasetError(f"{name_of(base)}: cannot be opened ({error}).") from error
