"""Import a ZIP or a tar of a dataset, and believe nothing that it says of itself."""

import shutil
import stat
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from fer_core.dataset.file_kinds import (
    DOCUMENT,
    IMAGE,
    LISTS,
    RECORD,
    UNSUPPORTED,
    has_image_name,
    is_image_start,
    kind_of,
)
from fer_core.dataset.folder_names import class_named, split_named
from fer_core.dataset.importers.archive_files import ERRORS, Member, Tar, Zip, open_archive
from fer_core.dataset.importers.folder import write_folder
from fer_core.dataset.importers.options import ImportOptions
from fer_core.dataset.left_out import Tally
from fer_core.errors import DatasetError
from fer_core.system import zip_files
from fer_core.system.paths import is_hidden_below

BLOCK: Final = 4096
"""The least that a file takes on a disk."""

UNPACKED: Final = ".unpacked"
"""Folder in the new dataset that holds the archive's files until they are in place."""

NESTED: Final = ".nested"
"""An archive that lay in the archive."""

ARCHIVES: Final = (".zip", ".tar", ".tar.gz", ".tgz")


def is_archive(file: BinaryIO) -> bool:
    """Return whether an open file is a ZIP or a tar; it is rewound."""
    start = file.read(4)
    file.seek(0)
    if start[:2] == b"PK":
        return True
    try:
        with tarfile.open(fileobj=file):
            return True
    except (tarfile.TarError, EOFError, OSError, ValueError):
        return False
    finally:
        file.seek(0)


def need_bytes(file: BinaryIO) -> int:
    """Return the disk space that the files of an archive take; the archive is checked.

    Raises:
        DatasetError: It cannot be opened, or unpacks to too much; see ``zip_files.check``.
    """
    try:
        with open_archive(file) as archive:
            return sum(
                -(-member.size // BLOCK) * BLOCK
                for member in archive.members()
                if _has_data_name(member.path) and not is_hidden_below(member.path)
            )
    except ERRORS as error:
        raise DatasetError(
            f"Not an archive that can be opened ({error}). Pack the folder again."
        ) from error
    finally:
        file.seek(0)


def write_archive(source: BinaryIO, folder: Path, options: ImportOptions, title: str) -> None:
    """Unpack an archive into a new dataset's folder.

    Everything is checked before the first byte is unpacked; only images, tables and texts are.

    Args:
        source: An open ZIP or tar.
        folder: The new dataset.
        options: See ``ImportOptions``.
        title: The archive's name, for messages.

    Raises:
        DatasetError: Damaged, encrypted, with paths that lead outside, too large unpacked, without
            images of any class, or with votes that are damaged or about other images.
    """
    unpacked, tally = folder / UNPACKED, Tally()
    try:
        with open_archive(source) as archive:
            members = archive.members()
            inner = _only_archive(members)
            if inner is not None:
                archive.extract(inner, folder / NESTED)
            else:
                unpacked_members = [
                    member for member in members if _is_kept(archive, member, tally)
                ]
                for number, member in enumerate(unpacked_members, start=1):
                    archive.extract(member, unpacked / member.path)
                    if options.progress and (number % 256 == 0 or number == len(unpacked_members)):
                        options.progress(number, len(unpacked_members))
    except ERRORS as error:
        raise DatasetError(
            f"{title}: not an archive that can be opened ({error}). Pack the folder again."
        ) from error
    if inner is not None:
        with (folder / NESTED).open("rb") as file:
            write_archive(file, folder, options, f"{title}/{inner.path}")
        (folder / NESTED).unlink()
        return
    unpacked.mkdir(exist_ok=True)
    try:
        write_folder(unpacked, folder, options, title, tally)
    except DatasetError as error:
        raise DatasetError(str(error).replace(str(folder), title)) from error
    shutil.rmtree(unpacked, ignore_errors=True)


def unknown_classes(source: BinaryIO) -> dict[str, int]:
    """Return folders in an archive that hold images and name nothing, with their images.

    For a page that asks what they show; empty where the archive cannot be read.
    """
    unknown: dict[str, int] = {}
    try:
        with open_archive(source) as archive:
            folders = [
                PurePosixPath(member.path).parts[:-1]
                for member in archive.members()
                if kind_of(member.path, "") == IMAGE and not is_hidden_below(member.path)
            ]
    except (DatasetError, *ERRORS):
        return {}
    finally:
        source.seek(0)
    for parts in folders:
        if parts and not any(class_named(part, {}) for part in parts):
            name = next((part for part in reversed(parts) if not split_named(part)), "")
            if name:
                unknown[name.strip().casefold()] = unknown.get(name.strip().casefold(), 0) + 1
    return unknown


def _only_archive(members: list[Member]) -> Member | None:
    """Return the archive in an archive that holds no images and no CSV, as Kaggle's competition."""
    if any(kind_of(m.path, "") == IMAGE or m.path.lower().endswith(".csv") for m in members):
        return None
    nested = [member for member in members if member.path.lower().endswith(ARCHIVES)]
    return nested[0] if len(nested) == 1 else None


def _is_kept(archive: Zip | Tar, member: Member, tally: Tally) -> bool:
    """Return whether a member is unpacked; else count it."""
    if is_hidden_below(member.path):
        tally.add("hidden", member.path)
        return False
    kind = kind_of(PurePosixPath(member.path).name, "")
    if _has_data_name(member.path) or (kind == UNSUPPORTED and _is_image(archive, member)):
        return True
    tally.add({DOCUMENT: "document", RECORD: "record"}.get(kind, kind), member.path)
    return False


def _has_data_name(path: str) -> bool:
    """Return whether the name of a member is that of an image or a list of labels."""
    return has_image_name(path) or PurePosixPath(path).suffix.lower() in LISTS


def _is_image(archive: Zip | Tar, member: Member) -> bool:
    return is_image_start(archive.start(member))


def images_in(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the images of a ZIP, checked; hidden files and those without an image's name are not.

    Raises:
        DatasetError: See ``zip_files.check``.
    """
    return [
        member
        for member in zip_files.check(archive)
        if not (member.is_dir() or stat.S_ISLNK(member.external_attr >> 16))
        and not is_hidden_below(member.filename.replace("\\", "/"))
        and kind_of(member.filename, "") == IMAGE
    ]
