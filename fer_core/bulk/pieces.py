"""Pieces of an annotated copy while its video is read: named by their content, like parts."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from fer_core.system.files import sync, sync_folder

NEW: Final = "new.nut"
"""Name of the piece that is being written."""

DIGEST_LENGTH: Final = 16


def keep(folder: Path, number: int) -> str:
    """Give the new piece its number and the digest of its content; return its name.

    It has that name when it is on the disk.
    """
    new = folder / NEW
    with new.open("rb+") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()[:DIGEST_LENGTH]
        sync(written)
    name = f"piece-{number:06}-{digest}.nut"
    new.replace(folder / name)
    sync_folder(folder)
    return name


def of_version_0_1(count: int) -> tuple[str, ...]:
    """Return the names of pieces of version 0.1, which have no digest."""
    return tuple(f"piece-{number:06}.nut" for number in range(count))


def are_whole(folder: Path, names: Sequence[str]) -> bool:
    """Return True where every piece is there with the content that was written."""
    return all(_is_whole(folder / name) for name in names)


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove pieces."""
    for name in names:
        (folder / name).unlink(missing_ok=True)


def _is_whole(file: Path) -> bool:
    digest = file.stem.partition("-")[2].partition("-")[2]
    try:
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()[:DIGEST_LENGTH]
    except OSError:
        return False
    return content == (digest or content)
