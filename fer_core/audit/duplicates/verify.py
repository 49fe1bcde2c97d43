"""Compare two images at their best alignment."""

from typing import Final

import cv2
import numpy as np

from fer_core.dataset import image_reading
from fer_core.dataset.index import THUMB, DatasetIndex, Thumbs
from fer_core.errors import ImageError
from fer_core.system import parallel
from fer_core.system.parallel import Progress
from fer_core.types import Floats, Numbers, Pixels, Rows

MAX_DIFFERENCE: Final = 0.09
"""Largest difference of a reported pair: just below, about half of the pairs are one photo."""

DEFAULT_DIFFERENCE: Final = 0.045
"""Default largest difference of a pair. On FER-2013, of 24 pairs reviewed in each band, 23, 24 and
23 were one photo from 0.036 to 0.040, 0.044 and 0.050; 24 from 0.05 to 0.06; about 16 from 0.06 to
0.07 and from 0.07 to 0.08; 12 beyond."""

MIN_SIMILARITY: Final = 0.6
"""Least correlation of thumbnails. Of FER-2013's reported pairs 999 in 1,000 reach 0.65; of pairs
proposed among unrelated images, 99 in 100 do not."""

SIDE: Final = 48
SCALES: Final = (48, 45, 51, 42, 54)


def confirm(index: DatasetIndex, pairs: Rows, progress: Progress | None = None) -> Numbers:
    """Return the ``difference`` of each pair, float64 (M,); 1 where the thumbnails differ.

    Args:
        index: The dataset.
        pairs: int64 (M, 3) as ``propose`` returns them, with rows of ``index``.
        progress: Called with the pairs compared and their number.
    """
    result = np.ones(len(pairs))

    def work(start: int, stop: int) -> None:
        rows = start + np.flatnonzero(similarity(index.thumbs, pairs[start:stop]) >= MIN_SIMILARITY)
        part = pairs[rows]
        small = {row: _small(index, row) for row in np.unique(part[:, :2]).tolist()}
        for pair, (a, b, mirrored) in zip(rows.tolist(), part.tolist(), strict=True):
            result[pair] = difference(small[a], small[b][:, ::-1] if mirrored else small[b])

    parallel.run(work, len(pairs), progress, size=1024)
    return result


def similarity(thumbs: Thumbs, pairs: Rows) -> Floats:
    """Return the best correlation of thumbnails over shifts of up to 1 pixel, float32 (M,).

    Args:
        thumbs: uint8 (N, 16, 16).
        pairs: int64 (M, 3) as ``propose`` returns them.
    """
    a, b = thumbs[pairs[:, 0]], thumbs[pairs[:, 1]]
    b = np.where(pairs[:, 2, None, None] == 1, b[:, :, ::-1], b)
    inner = _standard(a[:, 1:-1, 1:-1])
    shifts = [(y, x) for y in range(3) for x in range(3)]
    parts = (_standard(b[:, y : y + THUMB - 2, x : x + THUMB - 2]) for y, x in shifts)
    correlations = np.stack([np.einsum("mk,mk->m", inner, part) for part in parts])
    return np.asarray(correlations.max(axis=0, initial=-1), np.float32)


def _standard(thumbs: Thumbs) -> Floats:
    """Return each image as a vector of mean 0 and length 1, float32 (M, K); zeros if flat."""
    flat = thumbs.reshape(len(thumbs), thumbs.shape[1] * thumbs.shape[2]).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(length, 1e-6), np.float32)


def difference(a: Pixels, b: Pixels) -> float:
    """Return 1 - the best correlation of two grey images over small shifts and scales, 0..2.

    Shifts reach 4 pixels, scales ±12%. Both are blurred slightly first: JPEG and scaling change
    fine detail most. At the default difference 97.5% of slight crops in JPEG 50 are found; without
    the blur, at the difference that reports as many pairs of FER-2013, 95%. Separate scales for
    width and height find no more, for many times the work.

    Args:
        a: uint8 (48, 48).
        b: uint8 (48, 48).
    """
    best = -1.0
    a, b = _blur(a), _blur(b)
    for side in SCALES:
        scaled = b if side == SIDE else np.asarray(cv2.resize(b, (side, side)))
        large, part = (a, scaled[2:-2, 2:-2]) if side < SIDE else (scaled, a[4:-4, 4:-4])
        fit = cv2.matchTemplate(large, np.ascontiguousarray(part), cv2.TM_CCOEFF_NORMED)
        best = max(best, float(fit.max()))
        if best < 0.6:  # no scale brings this pair to the 0.91 that is needed
            break
    return 1 - best


def _blur(image: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(np.ascontiguousarray(image), (3, 3), 0), np.uint8)


def _small(index: DatasetIndex, row: int) -> Pixels:
    """Return an image as grey uint8 (48, 48); zeros if the file is missing since the scan."""
    try:
        image = image_reading.read(index.path(row))
    except ImageError:
        return np.zeros((SIDE, SIDE), np.uint8)
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if grey.shape != (SIDE, SIDE):
        grey = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8)
