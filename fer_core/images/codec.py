"""Pictures as arrays: decode, encode, and the one rule by which a face is cut out.

Arrays are uint8 RGB (H, W, 3); OpenCV's BGR exists only around its own calls.
"""

import io
import re
import warnings
from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from fer_core.errors import ImageError
from fer_core.images.boxes import Box

Pixels = npt.NDArray[np.uint8]

FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
MAX_PIXELS: Final = 50_000_000
"""Largest picture that is decoded, in pixels: 150 MB as RGB, which fits the smallest host."""

MAX_SIDE: Final = 30_000
"""Longest side of one, in pixels; OpenCV transforms nothing beyond 32,766."""

MAX_FACE: Final = 2048
"""A face is cut from a copy in which it is no wider, in pixels."""

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


def shrink(rgb: Pixels, long_edge: int) -> Pixels:
    """Scale down so that the longer side is at most ``long_edge`` pixels; never up."""
    height, width = rgb.shape[:2]
    factor = long_edge / max(height, width)
    if factor >= 1:
        return rgb
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    return _pixels(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))


def face_crop(rgb: Pixels, box: Box, size: int, roll: float = 0.0, margin: float = 0.0) -> Pixels:
    """Cut a face out as FER-2013 frames it: an upright square around the middle of its box.

    The side of the square is the box's longer side times ``1 + 2 * margin``. ``margin`` is the
    share of that side added on each side, negative for a tighter crop; detectors bring the margin
    that matches FER-2013's own framing (see ``detection.MARGINS``) and model cards may add to it.
    Where the square leaves the picture, the edge pixels are repeated.

    Args:
        rgb: uint8 (H, W, 3), or (H, W) in grey.
        box: The face, in pixels of ``rgb``.
        size: Side of the result in pixels.
        roll: Degrees by which the face leans clockwise; it is turned back by as much.
        margin: See above.

    Returns:
        uint8 (size, size, 3), or (size, size).
    """
    wide = max(box.width, box.height, 1.0)
    if wide > MAX_FACE:
        long_edge = max(rgb.shape[:2])
        rgb = shrink(rgb, max(round(long_edge * MAX_FACE / wide), 1))
        factor = max(rgb.shape[:2]) / long_edge
        box, wide = box.scale(factor), wide * factor
    side = wide * (1 + 2 * margin)
    fine = size * max(1, round(side / size))  # sample near the source's own resolution first
    matrix = np.asarray(cv2.getRotationMatrix2D(box.center, roll, fine / side), np.float64)
    matrix[:, 2] += fine / 2 - np.asarray(box.center)
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # boxes count edges, OpenCV pixel middles
    crop = cv2.warpAffine(
        rgb, matrix, (fine, fine), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return _pixels(cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA))


def whole_face(picture: Pixels) -> Pixels:
    """A picture that is one face already, as the square that ``face_crop`` makes of it.

    Its side is the picture's longer one, at most ``MAX_FACE`` pixels.
    """
    height, width = picture.shape[:2]
    return face_crop(picture, Box(0, 0, width, height), min(max(height, width), MAX_FACE))


def network_input(crops: Iterable[Pixels], size: int, channels: int) -> npt.NDArray[np.float32]:
    """Resize crops, uint8 (H, W, 3) or (H, W), to float32 (N, size, size, channels) in 0..255."""
    ready = [_with_channels(_resize(crop, size), channels) for crop in crops]
    if not ready:
        return np.empty((0, size, size, channels), np.float32)
    return np.stack(ready).astype(np.float32).reshape(-1, size, size, channels)


def _resize(crop: Pixels, size: int) -> Pixels:
    if crop.shape[:2] == (size, size):
        return crop
    down = min(crop.shape[:2]) > size
    return _pixels(
        cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA if down else cv2.INTER_LINEAR)
    )


def _with_channels(crop: Pixels, channels: int) -> Pixels:
    if channels == 1 and crop.ndim == 3:
        return _pixels(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY))
    if channels == 3 and crop.ndim == 2:
        return _pixels(cv2.cvtColor(crop, cv2.COLOR_GRAY2RGB))
    return crop


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


def _pixels(array: npt.NDArray[np.generic] | cv2.typing.MatLike) -> Pixels:
    return np.asarray(array, dtype=np.uint8)
