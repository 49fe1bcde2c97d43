"""Take in a ZIP of class folders, and believe nothing that it says of itself."""

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from fer_core.dataset import ferplus, store
from fer_core.dataset.discover import TIDY, list_files
from fer_core.errors import DatasetError
from fer_core.images.codec import SUFFIXES
from fer_core.system.parallel import Progress
from fer_core.system.settings import settings
from fer_core.system.zip_files import UNREADABLE, check

BLOCK: Final = 4096
"""The least that a file takes on a disk."""


def import_zip(
    source: Path | BinaryIO,
    name: str,
    home: Path | None = None,
    progress: Progress | None = None,
    votes: bytes | None = None,
) -> Path:
    """Unpack a ZIP of ``<class>/…`` or ``<split>/<class>/…`` as a new dataset.

    Everything is checked before the first byte is unpacked; only pictures and vote tables are.

    Args:
        source: A path, or an open file.
        name: What to call the dataset; a number is added where the name is taken.
        home: The store; see ``store``.
        progress: See ``chunks.Progress``.
        votes: A table of FER+ votes to keep beside the images; see ``votes.load``.

    Returns:
        The dataset's folder.

    Raises:
        DatasetError: No ZIP, damaged, encrypted, with paths that lead outside, too large unpacked,
            without class folders, or with votes that are damaged or about other pictures.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = checked_members(archive)
            name = store.free_name(name, home)
            need = sum(-(-member.file_size // BLOCK) * BLOCK for member in members)
            with store.new_dataset(name, need, home) as folder:
                for done, member in enumerate(members, start=1):
                    _extract(archive, member, folder)
                    if progress and (done % 256 == 0 or done == len(members)):
                        progress(done, len(members))
                ferplus.add(folder, name, _files(folder, name), votes)
    except UNREADABLE as error:
        raise DatasetError(
            f"{name}: not a ZIP file that can be opened ({error}). Pack the folder again."
        ) from error
    except OSError as error:
        raise DatasetError(f"{source}: cannot be read ({error.strerror or error}).") from error
    return (home or store.default_home()) / name


def checked_members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members to unpack of a ZIP of pictures; see ``check``."""
    return [member for member in check(archive, settings().policy) if _is_wanted(member)]


def _is_wanted(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    is_link = stat.S_ISLNK(member.external_attr >> 16)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    name = path.name.lower()
    wanted = name.endswith(SUFFIXES) or (name in TIDY and name.endswith(".csv"))
    return wanted and not (member.is_dir() or is_link or hidden)


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    target = folder / PurePosixPath(member.filename.replace("\\", "/"))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open(member) as packed, target.open("wb") as file:
            shutil.copyfileobj(packed, file)  # never more than member.file_size: see zipfile
    except UNREADABLE as error:
        raise DatasetError(f"{member.filename}: damaged in the ZIP ({error}).") from error


def _files(folder: Path, name: str) -> list[str]:
    """The pictures in class folders; ``DatasetError`` where there are none."""
    try:
        return list_files(folder).files
    except DatasetError as error:
        said = str(error).replace(str(folder), name).replace(folder.name, name)
        raise DatasetError(said) from error
