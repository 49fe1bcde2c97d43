"""Decode images with OpenCV as Pillow does, in less than half of the memory."""

import os
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from fer_core.types import Pixels

ORIENTATION: Final = 0x0112
"""EXIF tag: the way in which the pixels are turned and mirrored."""

PLANES: Final = 0x011C
"""TIFF tag: 1 where the colours of a pixel stand together."""

COLOR, ALPHA, WIDE = "color", "alpha", "wide"
WIDTHS: Final = {COLOR: 3, ALPHA: 4, WIDE: 2}
"""Bytes a pixel that OpenCV decodes into: RGB, BGRA or grey of 16 bits."""

_REDUCED: Final = {
    2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8
}  # fmt: skip
FORMATS: Final = {
    "JPEG": ("RGB", "L", "CMYK"), "MPO": ("RGB", "L", "CMYK"), "PNG": ("RGB", "L", "RGBA", "I;16"),
    "TIFF": ("RGB", "L", "CMYK", "I;16"), "WEBP": ("RGB", "RGBA"),
}  # fmt: skip
"""Pillow's modes of each format of which OpenCV makes the same pixels."""

ROWS: Final = 278
"""TIFF tag: rows of a strip, of which the library keeps several copies."""

TIFF_COMPRESSIONS: Final = frozenset(
    {"tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "jpeg"}
)
_KINDS: Final = {"RGBA": ALPHA, "I;16": WIDE}


def kind_of(image: Image.Image, data: bytes, is_whole: bool) -> str:
    """Return a key of ``WIDTHS``, or nothing where OpenCV does not decode a file as Pillow does.

    Args:
        image: The file, opened by Pillow.
        data: Its bytes.
        is_whole: A JPEG has its end mark, the chunks of a PNG fill the file.
    """
    mode, form = image.mode, image.format or ""
    fits = is_whole
    if form in ("JPEG", "MPO"):
        fits &= mode != "CMYK" or "adobe" in image.info  # others are not stored inverted
    elif form == "PNG":
        is_wide_color = mode == "RGBA" and data[24] == 16
        fits &= "transparency" not in image.info and not is_wide_color
    elif form == "TIFF":
        tags = getattr(image, "tag_v2", {})
        fits &= image.info.get("compression") in TIFF_COMPRESSIONS
        fits &= tags.get(ORIENTATION, 1) == 1 and tags.get(PLANES, 1) == 1
        fits &= 16 * tags.get(ROWS, image.height) <= image.height
    else:
        fits &= getattr(image, "n_frames", 1) == 1
    return _KINDS.get(mode, COLOR) if fits and mode in FORMATS.get(form, ()) else ""


def decode(kind: str, data: bytes, pixels: Pixels, factor: int) -> bool:
    """Decode into ``pixels``; return False where OpenCV cannot.

    Args:
        kind: See ``kind_of``.
        data: The file's bytes.
        pixels: uint8 (H, W, C) of the decoded size, ``WIDTHS[kind]`` bytes a pixel; afterwards RGB,
            BGRA, or the two bytes of grey.
        factor: 1, or 2, 4 or 8 by which the sides of a JPEG are divided.
    """
    flags = _REDUCED.get(factor, cv2.IMREAD_COLOR_RGB if kind == COLOR else cv2.IMREAD_UNCHANGED)
    if kind == COLOR:  # which does not go with IMREAD_UNCHANGED, and is not needed there
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    array: npt.NDArray[Any] = pixels.view(np.uint16)[..., 0] if kind == WIDE else pixels
    try:
        decoded = _imread(data, array, flags)
    except cv2.error:
        return False
    if decoded is None or decoded.shape != array.shape or decoded.dtype != array.dtype:
        return False
    if not np.shares_memory(decoded, array):
        array[:] = decoded
    if factor > 1:
        cv2.cvtColor(array, cv2.COLOR_BGR2RGB, array)
    return True


def _imread(data: bytes, array: npt.NDArray[Any], flags: int) -> cv2.typing.MatLike | None:
    """Decode into ``array``; ``cv2.imdecode`` would decode into memory of its own and copy."""
    if not hasattr(os, "memfd_create"):  # only Linux has it
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    descriptor = os.memfd_create("image")
    try:
        with open(descriptor, "wb", closefd=False) as file:  # it has no path
            file.write(data)
        return cv2.imread(f"/proc/self/fd/{descriptor}", array, flags)
    finally:
        os.close(descriptor)
