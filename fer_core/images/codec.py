"""Decode and encode image files.

Arrays are uint8 RGB (H, W, 3); OpenCV's BGR exists only around its own calls.
"""

import io
import re
import threading
import warnings
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from fer_core.errors import ImageError
from fer_core.images import opencv_decoder
from fer_core.images.formats import FORMATS, NAMES, image_format
from fer_core.images.limits import (
    LARGE_PIXELS,
    MAX_PIXELS,
    MAX_SIDE,
    JpegLayout,
    budget,
    check_scans,
    check_size,
    check_tiles,
    jpeg_layout,
    png_chunks_fill,
    too_large,
)
from fer_core.images.modes import flatten, pillow_to_rgb, raw_blocks, raw_to_rgb, wide_to_rgb
from fer_core.images.opencv_decoder import ALPHA, COLOR, ORIENTATION, WIDE, WIDTHS
from fer_core.images.upright import Canvas, upright
from fer_core.types import Pixels

COSTS: Final = {COLOR: 3, ALPHA: 4, WIDE: 3.5, "": 7}
"""Bytes a pixel at the peak of decoding; Pillow keeps 4 for RGB while 3 are made of them."""

BGR: Final = slice(2, None, -1)
"""Red to blue in OpenCV's order."""

TURNING: Final = 0.5
"""Bytes a pixel that turning by 90 degrees takes on top."""

WEBP: Final = {b"VP8L": 6.2, b"VP8X": 5.4, b"VP8 ": 0.1}
"""The same of WebP, by the kind of its first chunk: lossless, with transparency, plain."""

BUFFERED: Final = {"AVIF": 3.0, "HEIF": 0.0}
"""Bytes a pixel that a library keeps beside its result; see ``benchmarks/decode_memory.py``."""

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
    layout = jpeg_layout(data) if image.format in ("JPEG", "MPO") else None
    check_size(image.size, name, layout is not None)
    check_tiles(image, name)
    if layout:
        check_scans(layout, name)
    raw = raw_blocks(image, data)
    is_whole = layout.complete if layout else image.format != "PNG" or png_chunks_fill(data)
    kind = "" if raw else opencv_decoder.kind_of(image, data, is_whole)
    orientation = _orientation(image, data, bool(raw))
    costs = COSTS[COLOR if raw else kind] + TURNING * (orientation >= 5)
    buffered = _buffered(image, data, layout)
    factor = _factor(image.size, costs + buffered) if layout else 1
    needed = image.width * image.height * (costs / factor**2 + buffered)
    needed += len(data) if kind else 0  # OpenCV gets a copy of the file
    with budget.reserve(round(needed), name):
        size, complete, canvas = image.size, True, None
        pixels = None
        can_drop = orientation >= 5 or kind == WIDE
        if raw:
            canvas = Canvas(image.height, image.width, 3, can_drop)
            pixels = raw_to_rgb(raw, canvas.pixels)
        if kind:
            height, width = -(-image.height // factor), -(-image.width // factor)
            canvas = Canvas(height, width, WIDTHS[kind], can_drop)
            if opencv_decoder.decode(kind, data, canvas.pixels, factor):
                pixels = _rgb_of(canvas, kind)
        if pixels is None:
            canvas = None
            pixels, complete = _with_pillow(image, data, layout, factor)
            image.close()  # its memory is needed now
        pixels = upright(pixels, orientation, canvas)
    scale = max(size) / max(pixels.shape[:2])
    note = "" if complete else f"{name}: the end of the file is missing; the rest was read."
    return DecodedImage(pixels, scale, note)


def _orientation(image: Image.Image, data: bytes, is_raw: bool) -> int:
    """Return the EXIF orientation that is not undone by decoding alone, 1 to 8."""
    if image.format == "HEIF" or (image.format == "TIFF" and not is_raw):
        return 1
    if image.format == "PNG" and not re.search(rb"eXIf|exif|tiff:Orientation", data):
        return 1  # Pillow would decode the whole image to learn this
    return int(image.getexif().get(ORIENTATION, 1))


def _factor(size: tuple[int, int], costs: float) -> int:
    """Return 1, 2, 4 or 8, by which the sides of a JPEG are divided as it is decoded."""
    area = size[0] * size[1]
    factor = 2 if area > LARGE_PIXELS and costs > 4 else 1
    while area / factor**2 > MAX_PIXELS or max(size) / factor > MAX_SIDE:
        factor *= 2
    return factor


def _buffered(image: Image.Image, data: bytes, layout: JpegLayout | None) -> float:
    """Return the bytes a pixel that a library keeps beside its result, whatever the scale."""
    if layout:
        return 2 * layout.samples if layout.buffered else 0.0
    if image.format == "WEBP":
        return WEBP.get(data[12:16], 0.0)
    return BUFFERED.get(image.format or "", 0.0)


def _rgb_of(canvas: Canvas, kind: str) -> Pixels:
    """Return what OpenCV decoded as RGB; what was read is given back or written over."""
    pixels = canvas.pixels
    if kind == ALPHA:
        return flatten(pixels, BGR)
    if kind != WIDE:
        return pixels
    height, width, _ = pixels.shape
    wide = pixels.view(np.uint16)[..., 0]
    return wide_to_rgb(
        lambda top, bottom: wide[top:bottom], height, width,
        lambda rows: canvas.drop(0, 2 * rows * width),
    )  # fmt: skip


def _with_pillow(
    image: Image.Image, data: bytes, layout: JpegLayout | None, factor: int
) -> tuple[Pixels, bool]:
    """Decode with Pillow; False where the end of the file was missing."""
    complete = True
    if image.format == "HEIF" and image.mode == "RGB":
        return _heif(data), True
    if layout and not layout.complete:
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
