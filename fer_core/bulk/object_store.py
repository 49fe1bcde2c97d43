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
    """Whether ``name`` is an address such as ``s3://bucket/photos`` and no path."""
    return "://" in name


def place(address: str) -> tuple[Any, str]:
    """The ``pyarrow`` file system of an address, and the path in it.

    Options such as ``?region=eu-central-1`` or ``?endpoint_override=host:port`` belong to the
    store, not to the path; see pyarrow's ``FileSystem.from_uri``.

    Raises:
        DatasetError: There is no such kind of address, it holds keys, or the store cannot be
            reached.
    """
    parts = urlsplit(address)
    if parts.scheme not in SCHEMES:
        kinds = ", ".join(f"{one}://" for one in SCHEMES)
        raise DatasetError(f"{name_of(address)}: addresses begin with {kinds}.")
    if "@" in parts.netloc:
        raise DatasetError(
            f"{name_of(address)}: keys do not belong in an address, which is written down. Set "
            "them in the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    base = f"{parts.scheme}://{parts.netloc}/" + (f"?{parts.query}" if parts.query else "")
    return _filesystem(base), parts.netloc + unquote(parts.path).rstrip("/")


def name_of(address: str) -> str:
    """What results call the file: the address without options and keys."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{unquote(parts.path)}"


def below(address: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Paths of the files below an address whose names end so, sorted; or of the file itself.

    Raises:
        DatasetError: The store cannot be reached or refuses.
    """
    store, path = place(address)
    try:
        info = store.get_file_info(path)
        if info.type == pafs.FileType.File:
            yield info.path
            return
        found = store.get_file_info(pafs.FileSelector(path, recursive=True))
    except OSError as error:
        raise DatasetError(f"{name_of(address)}: cannot be listed ({error}).") from error
    for one in sorted(found, key=lambda one: one.path):
        if one.type == pafs.FileType.File and one.path.lower().endswith(suffixes):
            yield one.path


def read(address: str, path: str) -> bytes:
    """The bytes of the file at ``path`` in the store of ``address``; may raise ``OSError``."""
    store, _ = place(address)
    with store.open_input_file(path) as file:
        return bytes(file.read())


def listed(file: Path) -> Iterator[str]:
    """The paths and addresses in a Parquet file, or a folder of them.

    Raises:
        DatasetError: It cannot be read, or has no column of texts called ``path``.
    """
    for one in sorted(file.rglob("*.parquet")) if file.is_dir() else (file,):
        try:
            with pq.ParquetFile(one) as table:
                kind = table.schema_arrow.field(COLUMN).type
                if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                    raise KeyError(COLUMN)
                for rows in table.iter_batches(columns=[COLUMN]):
                    yield from filter(None, rows.column(0).to_pylist())
        except KeyError as error:
            raise DatasetError(
                f"{one}: a list of files needs a column called {COLUMN} with their paths or "
                "addresses as text."
            ) from error
        except (OSError, UnicodeError, pa.ArrowInvalid) as error:
            raise DatasetError(f"{one}: cannot be read as Parquet ({error}).") from error


@lru_cache(maxsize=64)
def _filesystem(base: str) -> Any:
    try:
        return pafs.FileSystem.from_uri(base)[0]
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DatasetError(f"{name_of(base)}: cannot be opened ({error}).") from error
