"""The most similar faces by the network's features."""

import numpy as np
import numpy.typing as npt

from fer_core.types import Floats, Rows

BATCH = 4096  # rows converted to float32 at a time


def nearest(
    queries: npt.NDArray[np.floating], features: npt.NDArray[np.floating], count: int = 5
) -> tuple[Rows, Floats]:
    """Return the most similar rows of ``features`` for each query, by the cosine about their mean.

    Args:
        queries: float (Q, C).
        features: float (N, C), N at least 1; half precision and files mapped to memory are fine.
        count: Rows a query, at most.

    Returns:
        Rows int (Q, K) and cosines float32 (Q, K), most similar first; K is ``count`` or N.
    """
    step = max(len(features) // BATCH, 1)
    mean = np.asarray(features[::step], np.float32).mean(axis=0)
    directions = _unit(np.asarray(queries, np.float32) - mean)
    cosines = np.concatenate(
        [
            directions @ _unit(np.asarray(features[at : at + BATCH], np.float32) - mean).T
            for at in range(0, len(features), BATCH)
        ],
        axis=1,
    )
    rows = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    return rows.astype(np.int64), np.take_along_axis(cosines, rows, axis=1)


def _unit(values: Floats) -> Floats:
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(length, 1e-6), np.float32)
