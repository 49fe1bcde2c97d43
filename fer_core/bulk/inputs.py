"""What a command or a page names, taken apart into single files."""

import glob
import threading
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from fer_core.bulk import object_store
from fer_core.dataset.importers.archive import images_in
from fer_core.errors import DatasetError, ImageError
from fer_core.images.codec import SUFFIXES as PICTURES
from fer_core.system.paths import shown, typed
from fer_core.system.zip_files import UNREADABLE
from fer_core.video import SUFFIXES as VIDEOS
from fer_core.video import is_listed_video, is_video

MOST_FILES: Final = 100_000
"""Files in one go on one machine; more are refused, not cut off."""

MOST_BYTES: Final = 500_000_000
"""Largest picture file that is opened; nothing smaller than the pixel limit comes near."""


LIST: Final = ".parquet"
"""Suffix of a list of files."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or one member of a ZIP.

    Attributes:
        name: What the results call it; see ``paths.shown``.
        path: The file, or the ZIP.
        member: The member's name in the ZIP, or empty.
        store: Address of the object store in which ``path`` is, or empty.
    """

    name: str
    path: Path
    member: str = ""
    store: str = ""

    @property
    def is_video(self) -> bool:
        """It is read as a video."""
        return not self.member and not self.store and is_video(self.path)


def listing(
    named: Sequence[str], below: Path | None = None, most: int | None = None
) -> tuple[Source, ...]:
    """Every file that is meant: as named, below folders, in ZIPs, matching patterns.

    Args:
        named: Files, folders, ZIPs, and patterns such as ``photos/**/*.jpg``; addresses in object
            stores; Parquet lists. See ``remote``.
        below: Files below this folder are called by their path from there on.
        most: ``MOST_FILES`` if None.

    Raises:
        ImageError: Nothing is there, more than ``most``, or one is no path.
        DatasetError: A ZIP is damaged or breaks a rule, see ``dataset.archive``; a store or a list
            cannot be read.
    """
    found: dict[str, Source] = {}
    most = most or MOST_FILES
    for source in (_called(one, below) for one in _every(named)):
        found.setdefault(source.name, source)
        if len(found) > most:
            raise ImageError(
                f"More than {most:,} files in {', '.join(named)}. Name fewer at a time."
            )
    if not found:
        raise ImageError(
            f"No pictures and no videos in {', '.join(named)}. "
            f"Looked for {', '.join(PICTURES + VIDEOS)}."
        )
    return tuple(found.values())


def _called(source: Source, below: Path | None) -> Source:
    name = source.name
    if below is not None and source.path.is_relative_to(below):
        name = str(PurePosixPath(source.path.relative_to(below), source.member))
    return replace(source, name=shown(name))


def _every(named: Iterable[str]) -> Iterator[Source]:
    for name in named:
        if object_store.is_address(name):
            yield from _stored(name)
            continue
        path = typed(name, ImageError)
        if not path.exists() and glob.has_magic(name):
            matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  # may be absolute
            for match in filter(_is_wanted, map(Path, matches)):
                yield from _at(match)
        else:
            yield from _at(path)


def _at(path: Path) -> Iterator[Source]:
    if path.suffix.lower() == LIST and path.exists():
        yield from _every(object_store.listed(path))
    elif path.is_dir():
        yield from _below(path)
    elif path.suffix.lower() == ".zip":
        yield from _packed(path)
    else:
        yield Source(str(path), path)


def _below(folder: Path) -> Iterator[Source]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in PICTURES and not is_listed_video(path):
            continue
        if path.is_file() and not path.name.startswith("._"):  # macOS leaves these beside photos
            yield Source(str(path), path)


def _stored(address: str) -> Iterator[Source]:
    scheme = address.partition("://")[0]
    for path in object_store.below(address, PICTURES):
        yield Source(f"{scheme}://{path}", Path(path), store=address)


def _is_wanted(path: Path) -> bool:
    return path.is_dir() or path.suffix.lower() in (*PICTURES, *VIDEOS, ".zip")


def _packed(path: Path) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = images_in(archive)
    except UNREADABLE as error:
        raise DatasetError(
            f"{path.name}: not a ZIP file that can be opened ({error}). Pack the folder again."
        ) from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}).") from error
    for member in sorted(members, key=lambda one: one.filename):
        if member.filename.lower().endswith(PICTURES):
            yield Source(f"{path}/{member.filename}", path, member.filename)


class Opener:
    """Reads the bytes of sources; keeps the ZIPs that it opened. Safe to share between threads."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._archives: dict[Path, zipfile.ZipFile] = {}
        self._lock = threading.Lock()

    def read(self, source: Source) -> bytes:
        """The file's bytes.

        Raises:
            ImageError: It cannot be read.
        """
        try:
            if source.store:
                return object_store.read(source.store, source.path.as_posix())
            if source.member:
                archive = self._archive(source.path)
                member = archive.getinfo(source.member)
                _check_size(member.file_size, source.name)
                return archive.read(member)
            _check_size(source.path.stat().st_size, source.name)
            return source.path.read_bytes()
        except UNREADABLE as error:
            raise ImageError(f"{source.name}: damaged in the ZIP ({error}).") from error
        except OSError as error:
            said = error.strerror or error
            raise ImageError(f"{source.name}: cannot be read ({said}).") from error

    def _archive(self, path: Path) -> zipfile.ZipFile:
        with self._lock:
            if path not in self._archives:
                self._archives[path] = self._stack.enter_context(zipfile.ZipFile(path))
            return self._archives[path]


def _check_size(size: int, name: str) -> None:
    if size > MOST_BYTES:
        raise ImageError(
            f"{name}: {size / 1e6:,.0f} MB are too large for a picture; at most "
            f"{MOST_BYTES / 1e6:,.0f} MB are opened."
        )
