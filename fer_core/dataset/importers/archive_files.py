"""Read ZIP and tar archives in one way, checked before the first byte is unpacked."""

import io
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from fer_core.errors import DatasetError
from fer_core.images.formats import HEAD_BYTES
from fer_core.system import zip_files
from fer_core.system.zip_files import UNREADABLE

ERRORS: Final = (*UNREADABLE, tarfile.TarError)
"""Raised by Python for an archive that is damaged or of an unknown kind, besides ``OSError``."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive."""

    path: str
    size: int
    original: zipfile.ZipInfo | tarfile.TarInfo


class Zip:
    """A ZIP whose members were checked."""

    def __init__(self, file: BinaryIO) -> None:
        self.archive = zipfile.ZipFile(file)

    def members(self) -> list[Member]:
        """Return the files; folders and links are passed over."""
        return [
            Member(member.filename.replace("\\", "/"), member.file_size, member)
            for member in zip_files.check(self.archive)
            if not (member.is_dir() or stat.S_ISLNK(member.external_attr >> 16))
        ]

    def start(self, member: Member) -> bytes:
        """Return the first bytes of a member."""
        with self.archive.open(member.original) as packed:  # type: ignore[arg-type]
            return packed.read(HEAD_BYTES)

    def extract(self, member: Member, target: Path) -> None:
        """Unpack a member."""
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with (
                self.archive.open(member.original) as packed,  # type: ignore[arg-type]
                target.open("wb") as file,
            ):
                shutil.copyfileobj(packed, file)  # never more than member.size: see zipfile
        except ERRORS as error:
            raise DatasetError(f"{member.path}: damaged in the ZIP ({error}).") from error

    def close(self) -> None:
        """Close the archive; the file stays open."""
        self.archive.close()


class Tar:
    """A tar, gzipped or not, whose members were checked."""

    def __init__(self, file: BinaryIO) -> None:
        self.archive = tarfile.open(fileobj=file)  # noqa: SIM115  # closed by close

    def members(self) -> list[Member]:
        """Return the files; folders, links and devices are passed over."""
        files: list[Member] = []
        total = 0
        for member in self.archive:
            total += member.size
            zip_files.check_path(member.name)
            zip_files.check_totals(len(files), total)
            if member.isfile():
                files.append(Member(member.name.removeprefix("./"), member.size, member))
        return files

    def start(self, member: Member) -> bytes:
        """Return the first bytes of a member."""
        packed = self.archive.extractfile(member.original)  # type: ignore[arg-type]
        return packed.read(HEAD_BYTES) if packed else b""

    def extract(self, member: Member, target: Path) -> None:
        """Unpack a member."""
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            packed = self.archive.extractfile(member.original)  # type: ignore[arg-type]
            with packed or io.BytesIO() as content, target.open("wb") as file:
                shutil.copyfileobj(content, file)
        except ERRORS as error:
            raise DatasetError(f"{member.path}: damaged in the archive ({error}).") from error

    def close(self) -> None:
        """Close the archive; the file stays open."""
        self.archive.close()


@contextmanager
def open_archive(file: BinaryIO) -> Iterator[Zip | Tar]:
    """Open a ZIP or a tar by its content; ``file`` stays open.

    Raises:
        BadZipFile, TarError: It is neither, or damaged; see ``ERRORS``.
    """
    file.seek(0)
    is_zip = file.read(2) == b"PK"
    file.seek(0)
    archive = Zip(file) if is_zip else Tar(file)
    try:
        yield archive
    finally:
        archive.close()
