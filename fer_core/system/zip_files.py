"""Limits on ZIP files, checked before the first byte is unpacked."""

import lzma
import struct
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import Final

from fer_core.errors import DatasetError
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


UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError,
    RuntimeError, ValueError,
)  # fmt: skip
"""What Python raises for a ZIP that is damaged or of an unknown kind, besides ``OSError``."""


FREE_RATIO_BYTES: Final = 10_000_000
"""Below this size the ratio does not matter."""


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
