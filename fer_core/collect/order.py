"""Order faces for labelling: those first whose labels teach most."""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from fer_core.dataset.index import Thumbs
from fer_core.types import Floats, Probabilities, Rows

BLOCK: Final = 4
"""The next face is the one least like those before, among so many times the faces of a batch."""

BATCH: Final = 25


def margins(probabilities: Probabilities) -> npt.NDArray[np.float32]:
    """Return the lead of the first emotion over the second, float32 (N,), 0..1.

    Source: Scheffer et al., Active hidden Markov models for information extraction, 2001.

    Args:
        probabilities: float32 (N, 7).
    """
    top = np.sort(probabilities, axis=1)[:, -2:]
    return np.asarray(top[:, 1] - top[:, 0], np.float32)


def most_useful(probabilities: Probabilities, thumbs: Thumbs) -> Rows:
    """Return all rows, int64 (N,): lowest margin first, and different faces among those.

    The rows are sorted by margin and taken in blocks of ``BLOCK * BATCH``. Within a block each
    next row is the farthest from all before, so that the first hundred cover different faces.
    Source of the spread: Sener and Savarese, Active learning for convolutional neural networks: a
    core-set approach, 2018 (greedy k-centre).

    Args:
        probabilities: float32 (N, 7).
        thumbs: uint8 (N, 16, 16), see ``DatasetIndex``.
    """
    ranked = np.argsort(margins(probabilities), kind="stable")
    points, order = _points(thumbs), []
    nearest = np.full(len(ranked), np.inf, np.float32)
    for start in range(0, len(ranked), BLOCK * BATCH):
        block = ranked[start : start + BLOCK * BATCH]
        waiting = np.ones(len(block), np.bool_)
        for _ in range(len(block)):
            at = int(np.where(waiting, nearest[block], -1).argmax())
            waiting[at] = False
            order.append(int(block[at]))
            distance = 1 - points @ points[block[at]]
            nearest = np.minimum(nearest, np.asarray(distance, np.float32))
    return np.asarray(order, np.int64)


def by_suggestion(probabilities: Probabilities) -> Rows:
    """Return all rows, int64 (N,): by suggested emotion, and of each the most confident first.

    Args:
        probabilities: float32 (N, 7).
    """
    return np.asarray(
        np.lexsort((-probabilities.max(axis=1), probabilities.argmax(axis=1))), np.int64
    )


def _points(thumbs: Thumbs) -> Floats:
    """Return thumbnails as vectors of mean 0 and length 1, float32 (N, 256)."""
    size = math.prod(thumbs.shape[1:])  # -1 is refused where there is none
    flat = thumbs.reshape(len(thumbs), size).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(length, 1e-6), np.float32)
