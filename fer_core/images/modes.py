"""Convert images of every mode, with transparency or more than 8 bits a channel, to RGB."""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from fer_core.types import Pixels

STRIP_PIXELS: Final = 65_536
"""Pixels that are converted at a time: copies of a whole image would take more memory."""


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
    if image.mode.startswith(("I", "F")):  # 16 bits and more a pixel
        image = Image.fromarray(_to_8_bits(np.array(image)))
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    step = max(STRIP_PIXELS // width, 1)
    for top in range(0, height, step):
        strip = image.crop((0, top, width, min(top + step, height)))
        if strip.has_transparency_data:
            pixels[top : top + step] = flatten(np.array(strip.convert("RGBA")))
        else:
            pixels[top : top + step] = np.asarray(strip.convert("RGB"))
    return pixels


def _to_8_bits(values: npt.NDArray[np.generic]) -> Pixels:
    """Convert integers and floats to 0..255 by the range that holds them.

    Values of at most 255 stay as they are, floats of at most 1 are multiplied by 255. Other
    integers are divided by 257, as 16 bits a pixel; other floats by their largest. The array is
    changed in place where its type allows.
    """
    if values.dtype.kind == "f":
        numbers = np.nan_to_num(values.astype(np.float32, copy=False), False, 0.0, 0.0, 0.0)
        most = float(numbers.max())
        numbers *= 255 if most <= 1 else 1 if most <= 255 else 255 / most
        return np.clip(numbers, 0, 255, out=numbers).astype(np.uint8)
    np.clip(values, 0, 65535, out=values)
    return (values if values.max() <= 255 else values // 257).astype(np.uint8)
