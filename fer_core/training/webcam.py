"""Spoil pictures as webcams do: few pixels, blur, low light with grain, JPEG."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Change = Callable[[Pixels, np.random.Generator], Pixels]


def spoil(pixels: Pixels, share: float, seed: tuple[int, ...]) -> Pixels:
    """Spoil about ``share`` of the pictures, uint8 (B, S, S, C), in one or more ways each.

    OpenCV does it, as Keras has no JPEG layer. ``seed`` decides everything.
    """
    if not share:
        return pixels
    random = np.random.default_rng(seed)
    result = pixels.copy()
    for row in np.flatnonzero(random.random(len(pixels)) < share):
        for change in random.permutation(len(CHANGES))[: random.integers(1, 3)]:
            result[row] = CHANGES[change](result[row], random).reshape(result[row].shape)
    return result


def few_pixels(picture: Pixels, random: np.random.Generator) -> Pixels:
    """Down to a quarter to three quarters of a 48-pixel face, and up again."""
    size = picture.shape[0]
    small = max(int(48 * random.uniform(0.4, 0.9)), 8)
    less = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(less, (size, size)), np.uint8)


def blur(picture: Pixels, random: np.random.Generator) -> Pixels:
    """Out of focus: Gaussian of 0.5 to 1.6 pixels of a 48-pixel face."""
    sigma = random.uniform(0.5, 1.6) * picture.shape[0] / 48
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def low_light(picture: Pixels, random: np.random.Generator) -> Pixels:
    """15 to 60 % of the light, and a sensor's grain."""
    dark = picture.astype(np.float32) * random.uniform(0.15, 0.6)
    dark += random.normal(0, random.uniform(2, 10), picture.shape).astype(np.float32)
    return np.asarray(np.clip(dark, 0, 255), np.uint8)


def jpeg(picture: Pixels, random: np.random.Generator) -> Pixels:
    """JPEG of quality 15 to 60."""
    grey = picture.shape[2] == 1
    flags = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    quality = int(random.integers(15, 61))
    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, flags), np.uint8)


CHANGES: Final[tuple[Change, ...]] = (few_pixels, blur, low_light, jpeg)
