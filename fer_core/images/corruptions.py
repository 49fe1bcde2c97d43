"""What a webcam does to a face that FER-2013 does not: one function a strain.

Every function takes uint8 (H, W) or (H, W, 3), how much of it, and a random generator; the result
has the same shape. Where a picture is turned or moved, its edge pixels are repeated, as
``images.face_crop`` does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from fer_core.images.augment import Operation, apply
from fer_core.types import Pixels

FACE_SIDE: Final = 48
"""Blur and resolution are given for faces of so many pixels, FER-2013's own size."""


@dataclass(frozen=True, slots=True)
class Strain:
    """One way to make a face harder to read.

    Attributes:
        title: What it is, for a user.
        unit: What ``levels`` count.
        levels: From easy to hard.
        standard: The level that model cards report; one of ``levels``.
        apply: See the module.
    """

    title: str
    unit: str
    levels: tuple[float, ...]
    standard: float
    apply: Callable[[Pixels, float, np.random.Generator], Pixels]


def blur(pixels: Pixels, sigma: float, _: np.random.Generator) -> Pixels:
    """Gaussian blur; ``sigma`` in pixels of a 48-pixel face."""
    width = sigma * max(pixels.shape[:2]) / FACE_SIDE
    return _pixels(cv2.GaussianBlur(pixels, (0, 0), width, borderType=cv2.BORDER_REPLICATE))


def noise(pixels: Pixels, deviation: float, random: np.random.Generator) -> Pixels:
    """Gaussian noise with ``deviation`` in grey values."""
    return apply(pixels, Operation(noise=deviation, seed=int(random.integers(2**63))))


def dark(pixels: Pixels, light: float, _: np.random.Generator) -> Pixels:
    """The share ``light`` of the light, 0..1; what is rounded away is lost."""
    return _pixels(cv2.convertScaleAbs(pixels, alpha=light))


def low_resolution(pixels: Pixels, side: float, _: np.random.Generator) -> Pixels:
    """A face only ``side`` pixels wide, enlarged again."""
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, (round(side), round(side)), interpolation=cv2.INTER_AREA)
    return _pixels(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def roll(pixels: Pixels, degrees: float, random: np.random.Generator) -> Pixels:
    """A head that leans by ``degrees`` to one side or the other."""
    return apply(pixels, Operation(angle=degrees * _side(random)))


def shift(pixels: Pixels, percent: float, random: np.random.Generator) -> Pixels:
    """A box that is off by ``percent`` of its side, to the left, right, top or bottom."""
    way = int(random.integers(4))
    by = percent / 100 * (1 if way % 2 else -1)
    return apply(pixels, Operation(shift_x=by) if way < 2 else Operation(shift_y=by))


def occlusion(pixels: Pixels, percent: float, random: np.random.Generator) -> Pixels:
    """A grey square over ``percent`` of the picture's area, anywhere inside."""
    side = (percent / 100) ** 0.5
    left, top = random.random(2) * (1 - side)
    return apply(
        pixels,
        Operation(
            erase_x=left, erase_y=top, erase_width=side, erase_height=side, erase_value=128.0
        ),
    )


STRAINS: Final = {
    "blur": Strain("Blur", "sigma in pixels of a 48-pixel face", (0.5, 1, 1.5, 2, 3), 1, blur),
    "noise": Strain("Noise", "deviation in grey values", (5, 10, 15, 25, 40), 15, noise),
    "dark": Strain("Darkness", "share of the light left", (0.7, 0.5, 0.3, 0.2, 0.1), 0.3, dark),
    "resolution": Strain(
        "Low resolution", "pixels across the face", (24, 20, 16, 12, 8), 24, low_resolution
    ),
    "roll": Strain("Roll", "degrees to one side", (5, 10, 15, 20, 30), 15, roll),
    "shift": Strain("Box shift", "percent of the side", (5, 10, 15, 20), 10, shift),
    "occlusion": Strain("Occlusion", "percent of the area", (5, 10, 15, 20, 30), 15, occlusion),
}
"""By name, in the order of tables. The standard levels are mild: most webcams do as much."""


def _side(random: np.random.Generator) -> int:
    return 1 if random.random() < 0.5 else -1


def _pixels(array: cv2.typing.MatLike) -> Pixels:
    return np.asarray(array, np.uint8)
