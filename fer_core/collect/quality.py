"""Measure how well a crop shows its face, and set aside those that show too little."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import pandas as pd

from fer_core.dataset import image_reading
from fer_core.images.crop import shrink
from fer_core.types import Pixels

SHARP_SIDE: Final = 64
"""Side in pixels at which sharpness is measured, so that it does not depend on the resolution."""

THUMB_BYTES: Final = 256
"""Of a thumbnail of 16 by 16 grey values."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Least values of a face that is taken; 0 takes all.

    Attributes:
        side: Longer side of the face's box in its image, in pixels.
        sharpness: Standard deviation of the Laplacian of the grey values, as a share of theirs. Of
            FER-2013's faces 99% reach 0.50; a Gaussian blur of 1.5 pixels of 48 leaves a median
            of 0.15.
        brightness: Mean of the grey values, 0..255.
    """

    side: float = 40.0
    sharpness: float = 0.15
    brightness: float = 40.0


SMALL, BLURRED, DARK = "too small", "too blurred", "too dark"


def measure(crop: Pixels) -> dict[str, Any]:
    """Return what is stored of a crop, uint8 (S, S, 3) or (S, S), as plain values.

    ``thumb`` holds the bytes of ``DatasetIndex.thumbs`` in Base64: the search for near-duplicates
    need not open the crop.
    """
    facts = image_reading.facts(crop)
    return {
        "brightness": round(facts.brightness, 2),
        "contrast": round(facts.contrast, 2),
        "sharpness": round(sharpness(crop), 4),
        "digest": f"{facts.digest:016x}",
        "width": facts.width,
        "thumb": base64.b64encode(facts.thumb.tobytes()).decode(),
    }


def is_measured(line: Mapping[str, Any]) -> bool:
    """Return True where the values of ``measure`` are among those of a stored face."""
    try:
        thumb, digest = base64.b64decode(line["thumb"]), int(line["digest"], 16)
        numbers = [line[name] for name in ("brightness", "contrast", "sharpness", "width")]
    except (KeyError, ValueError, TypeError):
        return False
    is_number = all(isinstance(number, int | float) for number in numbers)
    return is_number and digest >= 0 and len(thumb) == THUMB_BYTES


def sharpness(crop: Pixels) -> float:
    """Return the standard deviation of the Laplacian as a share of that of the grey values.

    Both are taken at a side of at most ``SHARP_SIDE``. Source of the measure: Pech-Pacheco et al.,
    Diatom autofocusing in brightfield microscopy, 2000 (variance of the Laplacian).

    Args:
        crop: uint8 (S, S, 3) RGB or (S, S).
    """
    grey = crop if crop.ndim == 2 else np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
    small = shrink(grey, SHARP_SIDE)
    deviation = float(small.std())
    return float(cv2.Laplacian(small, cv2.CV_64F).std()) / deviation if deviation > 1 else 0.0


def reasons(faces: pd.DataFrame, limits: Limits) -> pd.Series:
    """Return for each face why it is set aside, or an empty text.

    Args:
        faces: See ``Collection.faces``.
        limits: Least values.
    """
    result = pd.Series("", index=faces.index, dtype="str")
    for column, least, reason in (
        ("brightness", limits.brightness, DARK),
        ("sharpness", limits.sharpness, BLURRED),
        ("side", limits.side, SMALL),
    ):
        result = result.mask(faces[column].astype(float) < least, reason)
    return result
