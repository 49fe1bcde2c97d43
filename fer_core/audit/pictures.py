"""Find pictures that are no use: blank, nearly blank, of an odd size, without a face."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core import chunks
from fer_core.audit.copies import FLAT
from fer_core.chunks import Progress
from fer_core.dataset import pixels
from fer_core.dataset.index import DatasetIndex
from fer_core.detection import FaceDetector
from fer_core.images import Pixels, network_input

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
    flat = good & (table["contrast"].to_numpy() < FLAT)
    sides = table[["width", "height"]].to_numpy()
    small = good & (sides.min(axis=1) < SMALLEST)
    off = good & ~small & _off_size(sides, good)
    found = [
        *_reasons(~good, table["error"].tolist()),
        *_reasons(flat, [f"Almost one grey: contrast {c:.1f}." for c in table["contrast"]]),
        *_reasons(small, [f"Only {w}×{h} pixels." for w, h in sides.tolist()]),
        *_reasons(off, [f"{w}×{h} pixels, unlike the others." for w, h in sides.tolist()]),
    ]
    return pd.DataFrame(found, columns=["row", "why"])


def _reasons(which: npt.NDArray[np.bool_], texts: list[str]) -> list[tuple[int, str]]:
    return [(row, texts[row]) for row in np.flatnonzero(which).tolist()]


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
            missing[row] = not detector.detect(framed(pixels.read(index.path(row))))

    chunks.run(work, len(index), progress, size=64)
    return np.flatnonzero(missing)


def framed(crop: Pixels) -> Pixels:
    """A face crop as uint8 (320, 320, 3), its edge repeated around it."""
    large = network_input([crop], FACE_SIDE, 3)[0].astype(np.uint8)
    return np.pad(large, ((BORDER, BORDER), (BORDER, BORDER), (0, 0)), mode="edge")
