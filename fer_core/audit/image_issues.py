"""Find images that are useless: blank, small, of an unusual size, without a face."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core.dataset import image_reading
from fer_core.dataset.index import DatasetIndex
from fer_core.images.crop import network_input
from fer_core.recognition.detection import FaceDetector
from fer_core.system import parallel
from fer_core.system.parallel import Progress
from fer_core.types import Mask, Pixels, Rows

MIN_SIDE: Final = 24
"""Least side in pixels: a smaller image shows too little of a face."""

FACE_SIDE: Final = 192
BORDER: Final = 64
"""Sides in pixels of an enlarged crop and of the edge repeated around it: detectors expect some
space around a face. YuNet then detects 95% of FER-2013's faces."""


def find(index: DatasetIndex) -> pd.DataFrame:
    """Return images with issues that the scan has measured: ``row`` and ``reason``, a sentence.

    A size is unusual if at least nine in ten images share another one.
    """
    table = index.table
    good = index.is_readable
    sides, contrast = table[["width", "height"]].to_numpy(), table["contrast"].to_numpy()
    flat = good & index.is_flat
    small = good & (sides.min(axis=1) < MIN_SIDE)
    off = good & ~small & _unusual_size(sides, good)
    errors = table["error"].to_numpy()

    def size(row: int) -> str:
        return f"{sides[row, 0]}×{sides[row, 1]} pixels"

    issues = [
        *((row, str(errors[row])) for row in _rows(~good)),
        *((row, f"Almost one grey: contrast {contrast[row]:.1f}.") for row in _rows(flat)),
        *((row, f"Only {size(row)}.") for row in _rows(small)),
        *((row, f"{size(row)}, unlike the others.") for row in _rows(off)),
    ]
    return pd.DataFrame(issues, columns=["row", "reason"])


def _rows(mask: Mask) -> list[int]:
    return list(map(int, np.flatnonzero(mask)))


def _unusual_size(sides: npt.NDArray[np.int32], good: Mask) -> Mask:
    """Return the images that lack the size of nine in ten others, bool (N,)."""
    if not good.any():
        return np.zeros(len(sides), np.bool_)
    sizes, counts = np.unique(sides[good], axis=0, return_counts=True)
    if counts.max() < 0.9 * good.sum():
        return np.zeros(len(sides), np.bool_)
    return np.asarray((sides != sizes[counts.argmax()]).any(axis=1), np.bool_)


def without_face(
    index: DatasetIndex, detector: FaceDetector, progress: Progress | None = None
) -> Rows:
    """Return the rows, int64 (M,), of images in which ``detector`` detects no face.

    It misses about one face in twenty. YuNet takes about 3 ms an image.

    Args:
        index: Readable images.
        detector: A face detector.
        progress: Called with the images searched and their number.
    """
    missing = np.zeros(len(index), np.bool_)

    def work(start: int, stop: int) -> None:
        for row in range(start, stop):
            missing[row] = not detector.detect(framed(image_reading.read_face(index.path(row))))

    parallel.run(work, len(index), progress, size=64)
    return np.flatnonzero(missing)


def framed(crop: Pixels) -> Pixels:
    """Return a face crop, uint8 (H, W, 3) or (H, W), enlarged and framed: uint8 (320, 320, 3)."""
    large = network_input([crop], FACE_SIDE, 3)[0].astype(np.uint8)
    return np.pad(large, ((BORDER, BORDER), (BORDER, BORDER), (0, 0)), mode="edge")
