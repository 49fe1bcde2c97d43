"""List the single files that a command or a page names, and read their bytes."""

import glob
import hashlib
import os
import stat
import threading
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Final

from fer_core.bulk import object_store
from fer_core.errors import DatasetError, ImageError
from fer_core.images.formats import HEAD_BYTES, image_format, is_image_file
from fer_core.images.formats import SUFFIXES as IMAGES
from fer_core.system.files import reading
from fer_core.system.paths import is_hidden_below, typed
from fer_core.system.text import counted, utf8
from fer_core.system.zip_files import UNREADABLE, check
from fer_core.video.formats import SUFFIXES as VIDEOS
from fer_core.video.formats import is_video

MAX_FILES: Final = 100_000
"""Files in one call on one machine; more are refused, not cut off."""

MAX_BYTES: Final = 500_000_000
"""Largest image file that is opened; nothing smaller than the pixel limit comes near."""

LIST: Final = ".parquet"
"""Suffix of a list of files."""

EDGE_BYTES: Final = 16_384
"""Bytes of a file's head, and as many of its tail, that its fingerprint covers."""

MISSING: Final = "missing"
"""Fingerprint of a file that is not there or cannot be read."""


HIDDEN: Final = "hidden or of the system"
"""Kind of files that are never read, see ``paths.is_hidden``."""

MAX_KINDS: Final = 6
"""Kinds of files named in the sentence on files that were passed over."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or one member of a ZIP.

    Attributes:
        name: Its name in the results; see ``text.utf8``.
        path: The file, or the ZIP.
        member: The member's name in the ZIP, or empty.
        store: Address of the object store in which ``path`` is, or empty.
        listed_as: Its fingerprint in the listing of the store, or empty.
    """

    name: str
    path: Path
    member: str = ""
    store: str = ""
    listed_as: str = ""

    @property
    def is_video(self) -> bool:
        """True for what is read as a video."""
        return not self.member and not self.store and is_video(self.path)


@dataclass(frozen=True, slots=True)
class Listing:
    """The files to read.

    Attributes:
        sources: Each once, in order.
        passed_over: Files that are neither images nor videos, by kind: ``.txt`` to their number.
    """

    sources: tuple[Source, ...]
    passed_over: Counter[str] = field(default_factory=Counter)

    @property
    def notice(self) -> str:
        """Sentence on the files passed over; empty where there are none."""
        kinds = sorted(self.passed_over.items(), key=lambda item: (-item[1], item[0]))
        if not kinds:
            return ""
        names = [f"{count:,} {kind}" for kind, count in kinds[:MAX_KINDS]]
        remaining = sum(count for _, count in kinds[MAX_KINDS:])
        names += [f"{remaining:,} of other kinds"] if remaining else []
        total = sum(self.passed_over.values())
        files = counted(total, "file was", "files were")
        return f"{files} passed over; only images and videos are read: {', '.join(names)}."


def listing(
    names: Sequence[str], below: Path | None = None, max_files: int | None = None
) -> Listing:
    """List every file that is meant: as named, below folders, in ZIPs, matching patterns.

    In folders a file counts by its suffix, and one of an unknown suffix by its first bytes.

    Args:
        names: Files, folders, ZIPs, and patterns such as ``photos/**/*.jpg``; addresses in object
            stores; Parquet lists. See ``object_store``.
        below: Files below this folder are named by their path from there on.
        max_files: ``MAX_FILES`` if None.

    Raises:
        ImageError: Nothing is there, more than ``max_files``, or one is no path.
        DatasetError: A ZIP is damaged or breaks a rule, see ``zip_files.check``; a store or a list
            cannot be read.
    """
    sources: dict[str, Source] = {}
    passed_over: Counter[str] = Counter()
    max_files = max_files or MAX_FILES
    for entry in _expand(names):
        if isinstance(entry, str):
            passed_over[entry] += 1
            continue
        source = _renamed(entry, below)
        sources.setdefault(source.name, source)
        if len(sources) > max_files:
            raise ImageError(
                f"More than {max_files:,} files in {', '.join(names)}. Name fewer at a time."
            )
    result = Listing(tuple(sources.values()), passed_over)
    if not sources:
        raise ImageError(
            f"No images and no videos in {', '.join(names)}. "
            f"Looked for {', '.join(IMAGES + VIDEOS)}. {result.notice}".rstrip()
        )
    return result


def _renamed(source: Source, below: Path | None) -> Source:
    name = source.name
    if below is not None and source.path.is_relative_to(below):
        name = str(PurePosixPath(source.path.relative_to(below), source.member))
    return replace(source, name=utf8(name))


def _expand(names: Iterable[str]) -> Iterator[Source | str]:
    """Yield sources, and the kinds of files that are passed over."""
    for name in names:
        if object_store.is_address(name):
            yield from _stored(name)
            continue
        path = typed(name, ImageError)
        if not path.exists() and glob.has_magic(name):
            matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  # may be absolute
            for match in map(Path, matches):
                if match.is_dir() or match.suffix.lower() == ".zip":
                    yield from _at(match)
                else:
                    yield _file_in_folder(match, match.parent)
        else:
            yield from _at(path)


def _at(path: Path) -> Iterator[Source | str]:
    if path.suffix.lower() == LIST and path.exists():
        yield from _expand(object_store.listed(path))
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file():
                yield _file_in_folder(file, path)
    elif path.suffix.lower() == ".zip":
        yield from _packed(path)
    else:
        yield Source(str(path), path)


def _file_in_folder(path: Path, folder: Path) -> Source | str:
    if is_hidden_below(path.relative_to(folder)):
        return HIDDEN
    return Source(str(path), path) if is_media(path) else _kind_passed_over(path)


def _kind_passed_over(path: PurePath) -> str:
    return utf8(path.suffix.lower()) or "without a suffix"


def is_media(path: Path) -> bool:
    """Return True for an image or a video: by the suffix, else by the first bytes."""
    return path.suffix.lower() in IMAGES or is_video(path) or is_image_file(path)


def _stored(address: str) -> Iterator[Source | str]:
    scheme = address.partition("://")[0]
    for path, inside, fingerprint in object_store.below(address):
        if is_hidden_below(inside):
            yield HIDDEN
        elif not inside or path.lower().endswith(IMAGES):
            yield Source(f"{scheme}://{path}", Path(path), store=address, listed_as=fingerprint)
        else:
            yield f"{_kind_passed_over(PurePosixPath(path))} in a store"


def _packed(path: Path) -> Iterator[Source | str]:
    try:
        with reading(path, DatasetError), zipfile.ZipFile(path) as archive:
            members = sorted(check(archive), key=lambda member: member.filename)
            yield from [_member(path, archive, each) for each in members if not each.is_dir()]
    except UNREADABLE as error:
        raise DatasetError(
            f"{path.name}: not a ZIP file that can be opened ({error}). Pack the folder again."
        ) from error


def _member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Source | str:
    file = PurePosixPath(member.filename.replace("\\", "/"))
    if is_hidden_below(file):
        return HIDDEN
    if not stat.S_ISLNK(member.external_attr >> 16) and _is_image(file, archive, member):
        return Source(f"{path}/{member.filename}", path, member.filename)
    return f"{_kind_passed_over(file)} in a ZIP"


def _is_image(file: PurePath, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    if file.suffix.lower() in IMAGES:
        return True
    with archive.open(member) as opened:
        return bool(image_format(opened.read(HEAD_BYTES)))


class Opener:
    """Reads the bytes of sources and holds the ZIPs open. Safe to share between threads."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._archives: dict[Path, zipfile.ZipFile] = {}
        self._lock = threading.Lock()

    def read(self, source: Source) -> bytes:
        """Return the file's bytes.

        Raises:
            ImageError: It cannot be read.
        """
        try:
            with reading(source.name, ImageError):
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

    def fingerprint(self, source: Source) -> str:
        """Return what tells a file from another of the same name: size, time and digest.

        The digest covers head and tail of a file, and all of a member of a ZIP. ``MISSING`` where
        it cannot be read.
        """
        try:
            if source.store:
                return source.listed_as or object_store.fingerprint(
                    source.store, source.path.as_posix()
                )
            if source.member:
                member = self._archive(source.path).getinfo(source.member)
                return f"{member.file_size}-{member.date_time}-{member.CRC:08x}"
            return fingerprint(source.path)
        except (OSError, *UNREADABLE, KeyError):
            return MISSING

    def _archive(self, path: Path) -> zipfile.ZipFile:
        with self._lock:
            if path not in self._archives:
                self._archives[path] = self._stack.enter_context(zipfile.ZipFile(path))
            return self._archives[path]


def fingerprint(file: Path) -> str:
    """Return size, time of change and a digest of head and tail of a file."""
    with file.open("rb") as opened:
        facts = os.fstat(opened.fileno())
        digest = hashlib.blake2b(opened.read(EDGE_BYTES), digest_size=8)
        opened.seek(max(facts.st_size - EDGE_BYTES, 0))
        digest.update(opened.read(EDGE_BYTES))
    return f"{facts.st_size}-{facts.st_mtime_ns}-{digest.hexdigest()}"


def _check_size(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise ImageError(
            f"{name}: {size / 1e6:,.0f} MB are too large for an image; at most "
            f"{MAX_BYTES / 1e6:,.0f} MB are opened."
        )
