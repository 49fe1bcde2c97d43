"""Limits on ZIP files, checked before the first byte is unpacked."""

import lzma
import struct
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import Final

from fer_core.errors import DatasetError
from fer_core.system.settings import Policy, settings

MAX_RATIO: Final = 100
"""Most unpacked bytes for each packed one. Images are compressed already: FER-2013 has 1.0."""


UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError,
    RuntimeError, ValueError,
)  # fmt: skip
"""What Python raises for a ZIP that is damaged or of an unknown kind, besides ``OSError``."""


FREE_RATIO_BYTES: Final = 10_000_000
"""Below this size the ratio does not matter."""


def check(archive: zipfile.ZipFile, policy: Policy | None = None) -> list[zipfile.ZipInfo]:
    """Return all members, checked before the first byte is unpacked.

    Args:
        archive: The ZIP.
        policy: The limits; those of this process if None.

    Raises:
        DatasetError: A member is encrypted or leads outside, or the whole is larger than
            the policy allows.
    """
    members = archive.infolist()
    check_totals(len(members), 0, policy)
    for member in members:
        check_path(member.filename)
        if member.flag_bits & 1:
            raise DatasetError("The ZIP is encrypted. Pack the folder again without a password.")
    total = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    check_totals(len(members), total, policy)
    if total > FREE_RATIO_BYTES and total > MAX_RATIO * max(packed, 1):
        raise DatasetError(
            f"The ZIP would grow {total / max(packed, 1):,.0f}-fold when unpacked, as only ZIPs "
            f"made to fill a disk do. At most {MAX_RATIO}-fold is allowed."
        )
    return members


def check_path(name: str) -> None:
    """Raise ``DatasetError`` where the path of a member leads outside, or is empty."""
    path = PurePosixPath(name.replace("\\", "/"))
    if not name:
        raise DatasetError("The archive holds a file without a name. Pack the folder again.")
    if path.is_absolute() or ".." in path.parts or ":" in name.split("/", maxsplit=1)[0]:
        raise DatasetError(
            f"The archive holds {name!r}, a path that leads outside. Pack the folder again."
        )


def check_totals(count: int, total: int, policy: Policy | None = None) -> None:
    """Raise ``DatasetError`` where an archive holds more than ``policy`` allows.

    Args:
        count: Files in it.
        total: Bytes that they unpack to.
        policy: The limits; those of this process if None.
    """
    policy = policy or settings().policy
    if count > policy.zip_files:
        raise DatasetError(
            f"The archive holds {count:,} files; at most {policy.zip_files:,} are allowed."
        )
    if total > policy.zip_bytes:
        advice = " Unpack it yourself and open the folder by its path."
        raise DatasetError(
            f"The archive would unpack to {total / 1e9:,.1f} GB; at most "
            f"{policy.zip_bytes / 1e9:.1f} GB are allowed.{advice if policy.shows_server else ''}"
        )
