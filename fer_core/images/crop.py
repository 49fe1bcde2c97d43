"""Scaling, and the one rule by which a face is cut out of an image."""

from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np

from fer_core.images.boxes import Box
from fer_core.types import Floats, Pixels

MAX_FACE: Final = 2048
"""Longest side in pixels of the region from which a face is cut; larger images are shrunk first."""


def shrink(image: Pixels, long_edge: int) -> Pixels:
    """Scale an image down so that its longer side has at most ``long_edge`` pixels; never up.

    Args:
        image: uint8 (H, W, 3) or (H, W).
        long_edge: Limit of the longer side in pixels.

    Returns:
        The image itself where it is small enough.
    """
    height, width = image.shape[:2]
    factor = long_edge / max(height, width)
    if factor >= 1:
        return image
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def face_crop(image: Pixels, box: Box, size: int, roll: float = 0.0, margin: float = 0.0) -> Pixels:
    """Cut a face out as FER-2013 frames it: an upright square around the centre of its box.

    The side of the square is the box's longer side times ``1 + 2 * margin``. Edge pixels are
    repeated where the square leaves the image.

    Args:
        image: uint8 (H, W, 3) RGB, or (H, W) grey.
        box: The face, in pixels of ``image``.
        size: Side of the result in pixels.
        roll: Clockwise lean of the face in degrees; the crop is turned back by as much.
        margin: Share of the box's longer side that is added on each side, negative for a tighter
            crop. ``detection.MARGINS`` matches a detector's boxes to FER-2013's framing, and
            ``crop_margin`` of a model card is added to it.

    Returns:
        uint8 (size, size, 3), or (size, size).
    """
    longer = max(box.width, box.height, 1.0)
    if longer > MAX_FACE:
        long_edge = max(image.shape[:2])
        image = shrink(image, max(round(long_edge * MAX_FACE / longer), 1))
        factor = max(image.shape[:2]) / long_edge
        box, longer = box.scale(factor), longer * factor
    side = longer * (1 + 2 * margin)
    fine = size * max(1, round(side / size))  # sample near the source's own resolution first
    matrix = np.asarray(cv2.getRotationMatrix2D(box.center, roll, fine / side), np.float64)
    matrix[:, 2] += fine / 2 - np.asarray(box.center)
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # boxes count edges, OpenCV pixel centres
    crop = cv2.warpAffine(
        image, matrix, (fine, fine), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def whole_face(image: Pixels) -> Pixels:
    """Return an image that shows one face and nothing else as the square of ``face_crop``.

    Args:
        image: uint8 (H, W, 3) or (H, W).

    Returns:
        uint8 (S, S, 3) or (S, S); S is the longer side, at most ``MAX_FACE``.
    """
    height, width = image.shape[:2]
    return face_crop(image, Box(0, 0, width, height), min(max(height, width), MAX_FACE))


def network_input(crops: Iterable[Pixels], size: int, channels: int) -> Floats:
    """Resize crops, uint8 (H, W, 3) or (H, W), to float32 (N, size, size, channels) in 0..255."""
    resized = [_with_channels(_resize(crop, size), channels) for crop in crops]
    if not resized:
        return np.empty((0, size, size, channels), np.float32)
    return np.stack(resized).astype(np.float32).reshape(-1, size, size, channels)


def _resize(crop: Pixels, size: int) -> Pixels:
    if crop.shape[:2] == (size, size):
        return crop
    method = cv2.INTER_AREA if min(crop.shape[:2]) > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (size, size), interpolation=method), np.uint8)


def _with_channels(crop: Pixels, channels: int) -> Pixels:
    if channels == 1 and crop.ndim == 3:
        return np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
    if channels == 3 and crop.ndim == 2:
        return np.asarray(cv2.cvtColor(crop, cv2.COLOR_GRAY2RGB), np.uint8)
    return crop
