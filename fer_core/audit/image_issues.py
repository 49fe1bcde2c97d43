"""Find pictures that are no use: blank, nearly blank, of an odd size, without a face."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core.audit.duplicates import FLAT
from fer_core.dataset import image_reading
from fer_core.dataset.index import DatasetIndex
from fer_core.images.crop import network_input
from fer_core.recognition.detection import FaceDetector
from fer_core.system import parallel
from fer_core.system.parallel import Progress
from fer_core.types import Pixels

SMALLEST: Final = 24
"""Sides below this, in pixels, hold too little of a face to read."""

FACE_SIDE: Final = 192
BORDER: Final = 64
"""A crop is enlarged to 192 pixels and framed by 64 of its own edge before a face is searched:
detectors expect some space around one. YuNet then finds 95 % of FER-2013's faces."""


def odd(index: DatasetIndex) -> pd.DataFrame:
    """Pictures that the scan's figures give away: ``row`` and ``why``, a sentence.

    The usual size is the commonest one; where sizes vary anyway, none is off.
    """
    table = index.table
    good = index.is_readable
    sides, contrast = table[["width", "height"]].to_numpy(), table["contrast"].to_numpy()
    flat = good & (contrast < FLAT)
    small = good & (sides.min(axis=1) < SMALLEST)
    off = good & ~small & _off_size(sides, good)
    errors = table["error"].to_numpy()

    def said(row: int, how: str) -> str:
        return f"{sides[row, 0]}×{sides[row, 1]} pixels{how}"

    found = [
        *((row, str(errors[row])) for row in _rows(~good)),
        *((row, f"Almost one grey: contrast {contrast[row]:.1f}.") for row in _rows(flat)),
        *((row, f"Only {said(row, '.')}") for row in _rows(small)),
        *((row, said(row, ", unlike the others.")) for row in _rows(off)),
    ]
    return pd.DataFrame(found, columns=["row", "why"])


def _rows(which: npt.NDArray[np.bool_]) -> list[int]:
    return list(map(int, np.flatnonzero(which)))


def _off_size(sides: npt.NDArray[np.int32], good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Where at least nine in ten share a size: those that do not."""
    if not good.any():
        return np.zeros(len(sides), np.bool_)
    sizes, counts = np.unique(sides[good], axis=0, return_counts=True)
    if counts.max() < 0.9 * good.sum():
        return np.zeros(len(sides), np.bool_)
    return np.asarray((sides != sizes[counts.argmax()]).any(axis=1), np.bool_)


def without_face(
    index: DatasetIndex, detector: FaceDetector, progress: Progress | None = None
) -> npt.NDArray[np.int64]:
    """Rows of pictures in which ``detector`` finds no face; it misses about one face in twenty.

    Takes some 3 ms a picture with YuNet.
    """
    missing = np.zeros(len(index), np.bool_)

    def work(start: int, stop: int) -> None:
        for row in range(start, stop):
            missing[row] = not detector.detect(framed(image_reading.read_face(index.path(row))))

    parallel.run(work, len(index), progress, size=64)
    return np.flatnonzero(missing)


def framed(crop: Pixels) -> Pixels:
    """A face crop as uint8 (320, 320, 3), its edge repeated around it."""
    large = network_input([crop], FACE_SIDE, 3)[0].astype(np.uint8)
    return np.pad(large, ((BORDER, BORDER), (BORDER, BORDER), (0, 0)), mode="edge")
