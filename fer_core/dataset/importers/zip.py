"""Take in a ZIP of class folders, and believe nothing that it says of itself."""

import lzma
import shutil
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from fer_core.dataset import ferplus, store
from fer_core.dataset.discover import TIDY, list_files
from fer_core.errors import DatasetError
from fer_core.images.codec import SUFFIXES
from fer_core.system.parallel import Progress
from fer_core.system.settings import settings

MAX_TOTAL: Final = 4_000_000_000
"""Most bytes that a ZIP may unpack to: twenty times what the upload widget takes."""

PUBLIC_GROWTH: Final = 4
"""On public links: times the largest upload. Pictures hardly grow."""

MAX_RATIO: Final = 100
"""Most unpacked bytes for each packed one. Pictures are packed already: FER-2013 has 1.0."""

MAX_FILES: Final = 1_000_000
PUBLIC_FILES: Final = 50_000
"""On public links; FER-2013 has 35,887."""

BLOCK: Final = 4096
"""The least that a file takes on a disk."""

UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError,
    RuntimeError, ValueError,
)  # fmt: skip
"""What Python raises for a ZIP that is damaged or of an unknown kind, besides ``OSError``."""

FREE_RATIO_BYTES: Final = 10_000_000
"""Below this size the ratio does not matter."""


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
    return [member for member in check(archive) if _is_wanted(member)]


def check(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """All members, looked at before the first byte is unpacked.

    Raises:
        DatasetError: Any member is encrypted, leads outside, or the whole is too large.
    """
    every = archive.infolist()
    most_files = PUBLIC_FILES if settings().public else MAX_FILES
    if len(every) > most_files:
        raise DatasetError(f"The ZIP holds {len(every):,} files; at most {most_files:,} are taken.")
    for member in every:
        _check_member(member)
    total = sum(member.file_size for member in every)
    packed = sum(member.compress_size for member in every)
    most = PUBLIC_GROWTH * settings().upload_mb * 1_000_000 if settings().public else MAX_TOTAL
    if total > most:
        otherwise = " Unpack it yourself and open the folder by its path."
        raise DatasetError(
            f"The ZIP would unpack to {total / 1e9:,.1f} GB; at most {most / 1e9:.1f} GB are taken."
            f"{'' if settings().public else otherwise}"
        )
    if total > FREE_RATIO_BYTES and total > MAX_RATIO * max(packed, 1):
        raise DatasetError(
            f"The ZIP would grow {total / max(packed, 1):,.0f}-fold when unpacked, as only ZIPs "
            f"made to fill a disk do. At most {MAX_RATIO}-fold is allowed."
        )
    return every


def _check_member(member: zipfile.ZipInfo) -> None:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if not member.filename:
        raise DatasetError("The ZIP holds a file without a name. Pack the folder again.")
    if path.is_absolute() or ".." in path.parts or ":" in member.filename.split("/")[0]:
        raise DatasetError(
            f"The ZIP holds {member.filename!r}, a path that leads outside. Pack the folder again."
        )
    if member.flag_bits & 1:
        raise DatasetError("The ZIP is encrypted. Pack the folder again without a password.")


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
