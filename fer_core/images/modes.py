"""Convert images of every mode, with transparency or more than 8 bits a channel, to RGB."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from fer_core.types import Pixels

STRIP_PIXELS: Final = 65_536
"""Pixels that are converted at a time: copies of a whole image would take more memory."""


RAW_CHANNELS: Final = {"RGB": 3, "BGR": 3, "L": 1}
"""Bytes a pixel of uncompressed files, by Pillow's name of their order."""


def flatten(rgba: Pixels, order: slice = slice(3)) -> Pixels:
    """Lay an image with transparency on white, in its own memory.

    Args:
        rgba: uint8 (H, W, 4); its content is lost.
        order: The colour channels from red to blue.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    height, width = rgba.shape[:2]
    flat = np.ascontiguousarray(rgba).reshape(-1)
    rows = flat.reshape(height, width, 4)
    step = max(STRIP_PIXELS // width, 1)
    for y in range(0, height, step):  # three values replace four, so the rows to come stay whole
        strip = rows[y : y + step]
        alpha = strip[..., 3:].astype(np.uint16)
        mixed = strip[..., order] * alpha + 255 * (255 - alpha) + 127
        start = 3 * y * width
        flat[start : start + 3 * len(strip) * width] = (mixed // 255).reshape(-1)
    return flat[: 3 * height * width].reshape(height, width, 3)


def pillow_to_rgb(image: Image.Image) -> Pixels:
    """Convert a Pillow image of any mode to uint8 (H, W, 3) RGB; see ``read_image``."""
    width, height = image.size

    def strip(top: int, bottom: int) -> Image.Image:
        return image.crop((0, top, width, min(bottom, height)))

    if image.mode.startswith(("I", "F")):  # 16 bits and more a pixel
        return wide_to_rgb(lambda top, bottom: np.asarray(strip(top, bottom)), height, width)
    pixels = np.empty((height, width, 3), np.uint8)
    step = max(STRIP_PIXELS // width, 1)
    for top in range(0, height, step):
        part = strip(top, top + step)
        if part.has_transparency_data:
            pixels[top : top + step] = flatten(np.array(part.convert("RGBA")))
        else:
            pixels[top : top + step] = np.asarray(part.convert("RGB"))
    return pixels


@dataclass(frozen=True, slots=True)
class RawBlock:
    """Rows of an uncompressed file: uint8 (N, W, 3) RGB or (N, W, 1) grey, from ``top`` on."""

    top: int
    rows: Pixels


def raw_blocks(image: Image.Image, data: bytes) -> list[RawBlock]:
    """Return the pixels of an uncompressed BMP or TIFF where they lie in its bytes.

    Empty for others, and where rows are missing.
    """
    if image.format not in ("BMP", "TIFF"):
        return []
    blocks = []
    for codec, (left, top, right, bottom), offset, args in getattr(image, "tile", ()):
        raw_mode, stride, step = (*args, 0, 1)[:3] if isinstance(args, tuple) else (args, 0, 1)
        width, height, channels = right - left, bottom - top, RAW_CHANNELS.get(raw_mode, 0)
        stride = stride or width * channels
        is_there = offset + stride * height <= len(data)
        if codec != "raw" or not channels or width != image.width or not is_there:
            return []
        lines = np.frombuffer(data, np.uint8, stride * height, offset).reshape(height, stride)
        rows = lines[:: step or 1, : width * channels].reshape(height, width, channels)
        blocks.append(RawBlock(top, rows[..., ::-1] if raw_mode == "BGR" else rows))
    return blocks if sum(len(block.rows) for block in blocks) == image.height else []


def raw_to_rgb(blocks: Sequence[RawBlock], pixels: Pixels) -> Pixels:
    """Copy the blocks of an image into ``pixels``, uint8 (H, W, 3) RGB, and return it."""
    for block in blocks:
        pixels[block.top : block.top + len(block.rows)] = block.rows
    return pixels


def wide_to_rgb(
    rows: Callable[[int, int], npt.NDArray[Any]], height: int, width: int,
    done: Callable[[int], None] = lambda row: None,
) -> Pixels:  # fmt: skip
    """Convert grey values of more than 8 bits by the range that holds them.

    Values of at most 255 stay as they are, floats of at most 1 are multiplied by 255. Other
    integers are divided by 257, as 16 bits a pixel; other floats by their largest.

    Args:
        rows: Returns the rows from one to before another, (N, W) of integers or floats.
        height: Of the image in pixels.
        width: Of the image in pixels.
        done: Called with the number of rows that are not needed any more.

    Returns:
        uint8 (H, W, 3), the same grey three times.
    """
    step = max(STRIP_PIXELS // width, 1)
    tops = range(0, height, step)
    most = max(float(_in_range(rows(top, top + step)).max()) for top in tops)
    pixels = np.empty((height, width, 3), np.uint8)
    for top in tops:
        values = _in_range(rows(top, top + step))
        if values.dtype.kind == "f":
            factor = 255 if most <= 1 else 1 if most <= 255 else 255 / most
            values = np.clip(values * np.float32(factor), 0, 255)
        elif most > 255:
            values = values // 257
        pixels[top : top + step] = values.astype(np.uint8)[..., None]
        done(min(top + step, height))
    return pixels


def _in_range(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype.kind == "f":
        return np.asarray(np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0))
    return np.asarray(np.clip(values, 0, 65535))
