"""Augmentation: ranges, operations drawn from them, and their application with OpenCV.

An ``Operation`` holds every number that decides the result, so a stored operation reproduces the
image.
"""

from dataclasses import dataclass, fields
from typing import ClassVar, Final

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic.dataclasses import dataclass as pydantic_dataclass

from fer_core.errors import DatasetError, FerError
from fer_core.system.config_fields import STRICT, Checked, described, fields_of
from fer_core.types import Numbers, Pixels

ERASED_SIDE: Final = (0.1, 0.3)
"""Least and largest side of the erased rectangle, as shares of the image's side."""


@pydantic_dataclass(frozen=True, config=STRICT)
class Spec(Checked):
    """Ranges of augmentation; 0 turns a change off. All draws are uniform.

    The defaults are about half of the shipped model's training ranges. The limits exist because a
    face that is rotated or cut further shows another expression or none.

    Raises:
        DatasetError: A value is outside its limits.
    """

    error: ClassVar[type[FerError]] = DatasetError

    flip: float = described(0.5, "Probability of a horizontal flip.", high=1)
    rotation: float = described(10.0, "Largest rotation in either direction, degrees.", high=45)
    shift: float = described(
        0.05, "Largest shift in each direction as a share of the side.", high=0.3
    )
    zoom: float = described(0.1, "The scale is drawn from 1 - zoom to 1 + zoom.", high=0.5)
    brightness: float = described(
        0.1, "Largest shift of the grey values as a share of 255.", high=0.5
    )
    contrast: float = described(
        0.2, "Distances from the mean are multiplied by 1 - contrast to 1 + contrast.", high=0.9
    )
    noise: float = described(
        4.0, "Largest standard deviation of Gaussian noise in grey values.", high=64
    )
    erasing: float = described(
        0.0, "Probability that a rectangle is filled with one grey value.", high=1
    )

    @property
    def changes_anything(self) -> bool:
        """False if every range is 0: the results would be exact duplicates."""
        return any(getattr(self, name) > 0 for name in LIMITS)


LIMITS: Final = {name: float(field.high or 0) for name, field in fields_of(Spec).items()}
"""Largest value of each range."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Parameters that augment one image. The defaults leave it unchanged.

    Attributes:
        flip: Flip horizontally, before everything else.
        angle: Degrees, counter-clockwise.
        shift_x: Shift to the right, as a share of the width.
        shift_y: Shift downwards, as a share of the height.
        scale: Zoom about the center; above 1 is larger.
        brightness: Added, as a share of 255.
        contrast: Factor applied about the image's mean.
        noise: Standard deviation in grey values.
        erase_x: Left edge of the erased rectangle, as a share of the width.
        erase_y: Top edge, as a share of the height.
        erase_width: As a share of the width; 0 for none.
        erase_height: As a share of the height.
        erase_value: Grey value of the rectangle, 0..255.
        seed: Seed of the noise.
    """

    flip: bool = False
    angle: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    scale: float = 1.0
    brightness: float = 0.0
    contrast: float = 1.0
    noise: float = 0.0
    erase_x: float = 0.0
    erase_y: float = 0.0
    erase_width: float = 0.0
    erase_height: float = 0.0
    erase_value: float = 0.0
    seed: int = 0


COLUMNS: Final = tuple(field.name for field in fields(Operation))


def draw(spec: Spec, count: int, seed: int) -> pd.DataFrame:
    """Draw ``count`` operations within ``spec``: a row each, a column an attribute."""
    random = np.random.default_rng(seed)

    def around(center: float, most: float) -> Numbers:
        """Return uniform draws, float64 (count,)."""
        return random.uniform(center - most, center + most, count)

    columns: dict[str, npt.NDArray[np.generic]] = {
        "flip": random.random(count) < spec.flip,
        "angle": around(0.0, spec.rotation),
        "shift_x": around(0.0, spec.shift),
        "shift_y": around(0.0, spec.shift),
        "scale": around(1.0, spec.zoom),
        "brightness": around(0.0, spec.brightness),
        "contrast": around(1.0, spec.contrast),
        "noise": random.uniform(0, spec.noise, count),
    }
    width, height = random.uniform(*ERASED_SIDE, (2, count))
    erased = random.random(count) < spec.erasing
    left, top = random.random((2, count))
    columns |= {
        "erase_x": left * (1 - width),
        "erase_y": top * (1 - height),
        "erase_width": np.where(erased, width, 0.0),
        "erase_height": np.where(erased, height, 0.0),
        "erase_value": random.uniform(0, 255, count),
        "seed": random.integers(0, 2**63, count),
    }
    return pd.DataFrame(columns, columns=list(COLUMNS))


def operations(table: pd.DataFrame) -> list[Operation]:
    """Return the rows of ``draw`` or of a manifest as operations."""
    columns = [table[name].tolist() for name in COLUMNS]
    return [Operation(*values) for values in zip(*columns, strict=True)]


def apply(pixels: Pixels, operation: Operation) -> Pixels:
    """Augment an image, uint8 (H, W) or (H, W, 3); the result has its shape. Edges repeat."""
    return _erase(_relight(_warp(pixels, operation), operation), operation)


def _warp(pixels: Pixels, operation: Operation) -> Pixels:
    if operation.flip:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    is_moved = operation.angle or operation.shift_x or operation.shift_y
    if not is_moved and operation.scale == 1:
        return pixels
    height, width = pixels.shape[:2]
    center = (width - 1) / 2, (height - 1) / 2
    matrix = np.asarray(cv2.getRotationMatrix2D(center, operation.angle, operation.scale))
    matrix[0, 2] += operation.shift_x * width
    matrix[1, 2] += operation.shift_y * height
    return np.asarray(
        cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _relight(pixels: Pixels, operation: Operation) -> Pixels:
    """``contrast * pixels + noise * grain + shift``, rounded and clipped to 0..255."""
    if operation.noise > 0:
        random = np.random.default_rng(operation.seed)
        grain = random.standard_normal(pixels.shape[:2], np.float32)
        grain = grain if pixels.ndim == 2 else np.repeat(grain[..., None], 3, axis=2)
    else:
        grain = np.zeros(pixels.shape, np.float32)
    mean = sum(cv2.mean(pixels)) / (1 if pixels.ndim == 2 else 3)
    shift = mean * (1 - operation.contrast) + 255 * operation.brightness
    lit = cv2.addWeighted(
        pixels, operation.contrast, grain, operation.noise, shift, dtype=cv2.CV_8U
    )
    return np.asarray(lit, np.uint8)


def _erase(pixels: Pixels, operation: Operation) -> Pixels:
    if operation.erase_width <= 0:
        return pixels
    height, width = pixels.shape[:2]
    left, top = round(operation.erase_x * width), round(operation.erase_y * height)
    right = left + max(round(operation.erase_width * width), 1)
    bottom = top + max(round(operation.erase_height * height), 1)
    result = pixels.copy()
    result[top:bottom, left:right] = round(operation.erase_value)
    return result
