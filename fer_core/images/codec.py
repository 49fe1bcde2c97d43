"""Decode and encode image files.

Arrays are uint8 RGB (H, W, 3); OpenCV's BGR exists only around its own calls.
"""

import io
import re
import warnings
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from fer_core.errors import ImageError
from fer_core.types import Pixels

FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
MAX_PIXELS: Final = 50_000_000
"""Largest picture that is decoded, in pixels: 150 MB as RGB, which fits the smallest host."""

MAX_SIDE: Final = 30_000
"""Longest side of one, in pixels; OpenCV transforms nothing beyond 32,766."""

MAX_SCANS: Final = 100
"""Of a JPEG: each one after the first goes over all of its pixels again, 4 ms for 12 megapixels,
and may take 26 bytes. Cameras and programs write 10 or so; libtiff has the same limit."""

MAX_SEGMENTS: Final = 10_000
"""Of a JPEG, scans among them: 600 MB of metadata."""

MAX_TILE: Final = 2048 * 2048
"""Largest tile of a TIFF, in pixels, unless the picture itself is large."""

_SEGMENT: Final = re.compile(rb"\xff([\xc0-\xcf\xd9-\xfe])")
"""What may stand at the start of a segment; others are part of the pixels."""


def decode(data: bytes, name: str) -> Pixels:
    """Decode one picture, upright by its EXIF orientation.

    The size is checked before any pixel is decoded. Transparency is laid on white, 16-bit values
    are scaled to 8 bits, and of an animation the first frame is taken.

    Args:
        data: The file's bytes: JPEG, PNG, WebP, BMP, TIFF or GIF.
        name: The file's name, for messages.

    Returns:
        uint8 (H, W, 3) RGB.

    Raises:
        ImageError: The bytes are empty, not such a picture, damaged or too large.
    """
    if not data:
        raise ImageError(f"{name}: the file is empty. Choose another one.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large and odd files; we answer below
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                _check_size(picture.size, name)
                _check_work(picture, data, name)
                return _to_rgb(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name}: not a picture this app can read. Use JPEG, PNG, WebP, BMP, TIFF or GIF."
        ) from error
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large(name)) from error
    except MemoryError as error:
        raise ImageError(
            f"{name}: not enough memory to open it. Make the picture smaller."
        ) from error
    except ImageError:
        raise
    except Exception as error:  # Pillow raises whatever the damage leads to, OverflowError included
        raise ImageError(
            f"{name}: the file is damaged and cannot be opened. Save or download it again."
        ) from error


def encode(rgb: Pixels, suffix: str = ".jpg") -> bytes:
    """Encode uint8 (H, W, 3) RGB as ``.jpg`` (quality 90) or ``.png`` bytes."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(suffix, bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not done:
        raise ImageError(f"A picture of shape {rgb.shape} could not be encoded as {suffix}.")
    return data.tobytes()


def _check_size(size: tuple[int, int], name: str) -> None:
    if size[0] * size[1] > MAX_PIXELS or max(size) > MAX_SIDE:
        raise ImageError(_too_large(name, size))


def _check_work(picture: Image.Image, data: bytes, name: str) -> None:
    """Refuse what takes far more memory or time than the picture's size says."""
    if picture.format in ("JPEG", "MPO") and not _is_simple(data):
        raise ImageError(
            f"{name}: the picture is stored in more than {MAX_SCANS} passes, as only files made to "
            "keep a computer busy are. Save it again."
        )
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        width, height = (picture.tag_v2.get(tag, 0) for tag in (322, 323))
        most = min(max(4 * picture.width * picture.height, MAX_TILE), MAX_PIXELS)
        if width * height > most:
            raise ImageError(
                f"{name}: the picture is stored in tiles far larger than itself. Save it again."
            )


def _is_simple(jpeg: bytes) -> bool:
    """Whether a JPEG has no more scans and segments than are allowed, read as libjpeg does.

    Only up to the end of the picture: thumbnails lie inside of segments, and what cameras put
    behind it, such as a second picture or a film, is not decoded.
    """
    at = scans = 0
    for _ in range(MAX_SEGMENTS):
        found = _SEGMENT.search(jpeg, at)
        if found is None or found[1] == b"\xd9":
            return True
        scans += found[1] == b"\xda"
        if scans > MAX_SCANS:
            return False
        at = found.end() + int.from_bytes(jpeg[found.end() : found.end() + 2], "big")
    return False


def _too_large(name: str, size: tuple[int, int] | None = None) -> str:
    shape = f"{size[0]:,}×{size[1]:,} pixels are" if size else "the picture is"
    return (
        f"{name}: {shape} too large; at most {MAX_PIXELS // 1_000_000} megapixels and {MAX_SIDE:,} "
        "pixels a side can be opened. Make the picture smaller."
    )


def _to_rgb(picture: Image.Image) -> Pixels:
    if picture.mode.startswith(("I", "F")):  # 16 bits and more a pixel
        picture = Image.fromarray(_to_8_bits(np.array(picture)))
    if picture.has_transparency_data:
        clear = picture if picture.mode == "RGBA" else picture.convert("RGBA")
        picture = Image.new("RGB", picture.size, "white")
        picture.paste(clear, mask=clear)
    return np.asarray(picture.convert("RGB"))


def _to_8_bits(values: npt.NDArray[np.generic]) -> Pixels:
    """Whole numbers count up to 65,535, others up to the largest; changed in place where it can."""
    if values.dtype.kind == "f":
        numbers = np.nan_to_num(values.astype(np.float32, copy=False), False, 0.0, 0.0, 0.0)
        numbers *= 255 / max(float(numbers.max()), 1e-6)
        return np.clip(numbers, 0, 255, out=numbers).astype(np.uint8)
    return (np.clip(values, 0, 65535, out=values) // 257).astype(np.uint8)
