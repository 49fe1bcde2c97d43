"""Decode and encode image files.

Arrays are uint8 RGB (H, W, 3); OpenCV's BGR exists only around its own calls.
"""

import io
import os
import re
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from fer_core.errors import ImageError
from fer_core.images.formats import FORMATS, NAMES, image_format
from fer_core.images.limits import (
    LARGE_PIXELS,
    MAX_PIXELS,
    MAX_SIDE,
    budget,
    check_scans,
    check_size,
    check_tiles,
    jpeg_layout,
    png_chunks_fill,
    too_large,
)
from fer_core.images.modes import flatten, pillow_to_rgb
from fer_core.types import Pixels

ORIENTATION: Final = 0x0112
"""EXIF tag: the way in which the pixels are turned and mirrored."""

_UPRIGHT: Final[dict[int, Callable[[Pixels], cv2.typing.MatLike]]] = {
    2: lambda a: cv2.flip(a, 1), 3: lambda a: cv2.rotate(a, cv2.ROTATE_180),
    4: lambda a: cv2.flip(a, 0), 5: cv2.transpose,
    6: lambda a: cv2.rotate(a, cv2.ROTATE_90_CLOCKWISE),
    7: lambda a: cv2.transpose(cv2.rotate(a, cv2.ROTATE_180)),
    8: lambda a: cv2.rotate(a, cv2.ROTATE_90_COUNTERCLOCKWISE),
}  # fmt: skip
_REDUCED: Final = {
    2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8
}  # fmt: skip
BGR: Final = slice(2, None, -1)
"""Red to blue in OpenCV's order."""

_lenient = threading.Lock()


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """The content of an image file.

    Attributes:
        pixels: uint8 (H, W, 3) RGB, upright by the EXIF orientation.
        scale: Pixels of the file for one of ``pixels``; above 1 where a large photo was reduced.
        note: A sentence where the file is incomplete, else empty.
    """

    pixels: Pixels
    scale: float = 1.0
    note: str = ""


def decode(data: bytes, name: str) -> Pixels:
    """Decode one image to uint8 (H, W, 3) RGB; see ``read_image``."""
    return read_image(data, name).pixels


def read_image(data: bytes, name: str) -> DecodedImage:
    """Decode one image, upright by its EXIF orientation.

    The size is checked before any pixel is decoded. A JPEG beyond ``MAX_PIXELS`` is decoded at a
    reduced scale. Transparency is laid on white, 16-bit values are scaled to 8 bits, of an
    animation the first frame is decoded, and of a file that lost its end all that is there.

    Args:
        data: The file's bytes: JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF or HEIC.
        name: The file's name, for messages.

    Raises:
        ImageError: The bytes are empty, not such an image, damaged or too large.
    """
    if not data:
        raise ImageError(f"{name}: the file is empty. Choose another one.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large and odd files; see below
            with _open(data) as image:
                return _decode(image, data, name)
    except UnidentifiedImageError as error:
        raise ImageError(f"{name}: not an image that can be read. Use {NAMES}.") from error
    except Image.DecompressionBombError as error:
        raise ImageError(too_large(name)) from error
    except MemoryError as error:
        raise ImageError(
            f"{name}: not enough memory to open it. Make the image smaller."
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
    written, data = cv2.imencode(suffix, bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not written:
        raise ImageError(f"An image of shape {rgb.shape} could not be encoded as {suffix}.")
    return data.tobytes()


def _open(data: bytes) -> Image.Image:
    """Open a file with Pillow, which reads its header alone."""
    if image_format(data[:64]) != "HEIF":
        return Image.open(io.BytesIO(data), formats=FORMATS)
    import pillow_heif  # 0.2 s that most users never need

    pillow_heif.register_heif_opener(thumbnails=False)
    return Image.open(io.BytesIO(data), formats=("HEIF",))


def _decode(image: Image.Image, data: bytes, name: str) -> DecodedImage:
    is_jpeg = image.format in ("JPEG", "MPO")
    check_size(image.size, name, is_jpeg)
    check_tiles(image, name)
    turn = _UPRIGHT.get(_orientation(image, data))
    if is_jpeg:
        layout = jpeg_layout(data)
        check_scans(layout, name)
        fast = layout.complete and image.mode in ("RGB", "L")
        costs = 3 * (1 + layout.progressive + bool(turn)) if fast else 7
        factor = _factor(image.size, costs)
    else:
        fast = _is_plain(image, data)
        costs = 4 + 3 * bool(turn) if fast else 7
        factor = 1
    with budget.reserve(image.width * image.height * costs // factor**2, name):
        pixels = _fast(image, data, factor) if fast else None
        complete = True
        if pixels is None:
            pixels, complete = _with_pillow(image, data, factor)
        scale = max(image.size) / max(pixels.shape[:2])
        if turn:
            pixels = np.asarray(turn(pixels), np.uint8)
    note = "" if complete else f"{name}: the end of the file is missing; the rest was read."
    return DecodedImage(pixels, scale, note)


def _orientation(image: Image.Image, data: bytes) -> int:
    """Return the EXIF orientation that is not undone by decoding alone, 1 to 8."""
    if image.format in ("TIFF", "HEIF"):
        return 1
    if image.format == "PNG" and not re.search(rb"eXIf|exif|tiff:Orientation", data):
        return 1  # Pillow would decode the whole image to learn this
    return int(image.getexif().get(ORIENTATION, 1))


def _factor(size: tuple[int, int], costs: int) -> int:
    """Return 1, 2, 4 or 8, by which the sides of a JPEG are divided as it is decoded."""
    area = size[0] * size[1]
    factor = 2 if area > LARGE_PIXELS and costs > 4 else 1
    while area / factor**2 > MAX_PIXELS or max(size) / factor > MAX_SIDE:
        factor *= 2
    return factor


def _is_plain(image: Image.Image, data: bytes) -> bool:
    """Tell whether OpenCV decodes this as Pillow does, in less than half of the memory."""
    if image.format == "PNG":
        is_8_bit = data[24] == 8 and "transparency" not in image.info
        return is_8_bit and image.mode in ("RGB", "RGBA", "L") and png_chunks_fill(data)
    is_still = getattr(image, "n_frames", 1) == 1
    return image.format == "WEBP" and image.mode == "RGB" and is_still


def _fast(image: Image.Image, data: bytes, factor: int) -> Pixels | None:
    """Decode with OpenCV, into 3 or 4 bytes a pixel; None where it cannot."""
    has_alpha = image.mode == "RGBA"
    flags = _REDUCED.get(factor, cv2.IMREAD_UNCHANGED if has_alpha else cv2.IMREAD_COLOR_RGB)
    if not has_alpha:  # which does not go with IMREAD_UNCHANGED, and is not needed there
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    height, width = -(-image.height // factor), -(-image.width // factor)
    array = np.empty((height, width, 4 if has_alpha else 3), np.uint8)
    try:
        decoded = _imread(data, array, flags)
    except cv2.error:
        return None
    if decoded is None or decoded.shape != array.shape or decoded.dtype != np.uint8:
        return None
    if factor > 1:
        decoded = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
    pixels = np.asarray(decoded, np.uint8)
    return flatten(pixels, BGR) if has_alpha else pixels


def _imread(data: bytes, array: Pixels, flags: int) -> cv2.typing.MatLike | None:
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


def _with_pillow(image: Image.Image, data: bytes, factor: int) -> tuple[Pixels, bool]:
    """Decode with Pillow; False where the end of the file was missing."""
    complete = True
    if image.format == "HEIF" and image.mode == "RGB":
        return _heif(data), True
    if image.format in ("JPEG", "MPO") and not jpeg_layout(data).complete:
        complete = False
        image = Image.open(io.BytesIO(data + b"\xff\xd9"), formats=("JPEG",))
    if factor > 1:
        image.draft("RGB", (image.width // factor, image.height // factor))
    try:
        image.load()
    except (OSError, SyntaxError):
        image, complete = _load_incomplete(data), False
    if image.width * image.height > LARGE_PIXELS and image.mode in ("RGB", "RGBA", "CMYK"):
        image = image.reduce(2)
    return pillow_to_rgb(image), complete


def _heif(data: bytes) -> Pixels:
    """Decode a HEIC without the copies that Pillow makes."""
    import pillow_heif

    return np.asarray(pillow_heif.open_heif(io.BytesIO(data)), np.uint8)


def _load_incomplete(data: bytes) -> Image.Image:
    """Decode as far as the data go.

    Raises:
        OSError: They hold not one pixel.
    """
    image = _open(data)
    with _lenient:  # the switch is Pillow's, for the whole process
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            image.load()
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False
    if image.getbbox() is None:
        raise OSError("no pixel could be decoded")
    return image
