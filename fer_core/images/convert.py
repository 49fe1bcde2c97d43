"""Conversion of paths, bytes, Pillow images and arrays to RGB images."""

from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from fer_core.errors import ImageError
from fer_core.images.codec import DecodedImage, read_image
from fer_core.images.modes import flatten, pillow_to_rgb
from fer_core.types import Pixels

ImageLike: TypeAlias = str | Path | bytes | BinaryIO | Image.Image | npt.NDArray[Any]

RULE = (
    "An image must be a path, an open file, the bytes of a file, a Pillow image, or an array of "
    "shape (H, W, 3) RGB, (H, W, 4) RGBA, (H, W) or (H, W, 1) grey, with uint8 in 0..255 or "
    "floats in 0..1."
)


def as_rgb(image: ImageLike) -> DecodedImage:
    """Return an image as uint8 (H, W, 3) RGB.

    Files and Pillow images are turned upright by their EXIF orientation. Transparency is laid on
    white. Arrays of floats in 0..1 are multiplied by 255; other types and ranges are refused, never
    rescaled or wrapped.

    Args:
        image: A path, an open file (as an upload is), the bytes of a file, a Pillow image, or an
            array (H, W, 3) RGB, (H, W, 4) RGBA, (H, W) or (H, W, 1) grey, or a thing that numpy
            takes for one.

    Raises:
        ValueError: The array has another type, shape or range.
        ImageError: The file cannot be read.
    """
    if isinstance(image, (str, Path)):
        return _read_file(image)
    if hasattr(image, "read") and hasattr(image, "seek"):
        image.seek(0)
        return read_image(image.read(), str(getattr(image, "name", "image")))
    if isinstance(image, (bytes, bytearray, memoryview)):
        return read_image(bytes(image), "image")
    if isinstance(image, Image.Image):
        return DecodedImage(pillow_to_rgb(ImageOps.exif_transpose(image)))
    if not hasattr(image, "__array__"):
        raise ValueError(f"{RULE} Received: {type(image).__name__}.")
    return DecodedImage(_array_to_rgb(np.asarray(image)))


def _read_file(file: str | Path) -> DecodedImage:
    if "://" in str(file):
        raise ImageError(f"{file}: addresses are not fetched. Download the image first.")
    path = Path(file)
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageError(f"{path}: cannot be read ({reason}).") from error
    return read_image(data, path.name)


def _array_to_rgb(array: npt.NDArray[Any]) -> Pixels:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    shaped = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if not shaped or 0 in array.shape:
        raise ValueError(f"{RULE} Received: {array.dtype} {array.shape}.")
    array = _bytes(array)
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    if array.shape[2] == 4:
        array = flatten(array.copy())
    return np.ascontiguousarray(array)


def _bytes(array: npt.NDArray[Any]) -> Pixels:
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f":
        raise ValueError(f"{RULE} Received: {array.dtype} {array.shape}.")
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # NaN too
        raise ValueError(f"{RULE} Received: {array.dtype} from {low:g} to {high:g}.")
    return np.round(array * 255).astype(np.uint8)
