"""The copy of an image in which a detector searches, and its detections in the image itself."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from fer_core.images.crop import shrink
from fer_core.recognition.face import Detection
from fer_core.types import Pixels

LONG_EDGE: Final = 640
"""Images are scaled down to this for detection; YuNet then takes about 4 ms on one core."""

DENSE_ABOVE: Final = 1280
"""Longer side in pixels above which a photo is searched a second time."""

SMALLEST_SIDE: Final = 16
"""In images with a shorter side, in pixels, neither detector finds a face."""


def shrunk(rgb: Pixels, long_edge: int) -> tuple[Pixels, float]:
    """Return a copy to search, and the factor from its pixels to those of uint8 (H, W, 3).

    Large images are halved first, which takes a tenth of the time of other factors.
    """
    half = rgb
    while max(half.shape[:2]) >= 2 * long_edge and half.shape[0] % 2 == half.shape[1] % 2 == 0:
        size = half.shape[1] // 2, half.shape[0] // 2
        half = np.asarray(cv2.resize(half, size, interpolation=cv2.INTER_AREA), np.uint8)
    small = shrink(half, long_edge)
    return small, max(rgb.shape[:2]) / max(small.shape[:2])


def ordered(detections: Iterable[Detection], rgb: Pixels) -> tuple[Detection, ...]:
    """Clip to the image, uint8 (H, W, 3), and sort from left to right."""
    height, width = rgb.shape[:2]
    clipped = (
        replace(d.clip(width, height), score=min(max(d.score, 0.0), 1.0)) for d in detections
    )
    return tuple(sorted((d for d in clipped if d.box.area > 0), key=lambda d: d.box.xyxy))
