"""Image formats, recognized by the first bytes of a file; its name decides nothing."""

from pathlib import Path
from typing import Final

FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
"""Formats that Pillow itself decodes; HEIF comes from a package of its own."""

NAMES: Final = "JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP or GIF"
"""The formats, for messages."""

SUFFIXES: Final = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif",
    ".avif", ".heic", ".heif",
)  # fmt: skip
"""Usual ends of file names; content of one of the formats under another name is read too."""

HEAD_BYTES: Final = 32
"""So many bytes of a file tell its format."""

_MAGIC: Final = (
    (b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"BM", "BMP"),
    (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"II+\0", "TIFF"), (b"MM\0+", "TIFF"),
    (b"GIF87a", "GIF"), (b"GIF89a", "GIF"),
)  # fmt: skip
_BMP_HEADERS: Final = {12, 16, 40, 52, 56, 64, 108, 124}
_BRANDS: Final = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "HEIF"),
    **dict.fromkeys((b"mif1", b"msf1"), "HEIF"),
}  # fmt: skip


def image_format(head: bytes) -> str:
    """Return the format of a file that begins with ``head``: of ``FORMATS``, HEIF, or empty.

    Args:
        head: At least ``HEAD_BYTES``, or the whole file.
    """
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name if name != "BMP" or _is_bmp(head) else ""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        compatible = [head[at : at + 4] for at in range(16, len(head) - 3, 4)]
        if b"avif" in compatible:  # an AVIF may name mif1 as its main brand
            return "AVIF"
        return _BRANDS.get(head[8:12], "")
    return ""


def is_image_file(path: Path) -> bool:
    """Return True for a file with the content of an image, whatever its name."""
    try:
        with path.open("rb") as file:
            return bool(image_format(file.read(HEAD_BYTES)))
    except OSError:
        return False


def _is_bmp(head: bytes) -> bool:
    """Tell a BMP from a text that begins with BM: its header has one of few sizes."""
    return len(head) < 18 or int.from_bytes(head[14:18], "little") in _BMP_HEADERS
