"""Faces that the network finds alike: the nearest ones by its features."""

import numpy as np
import numpy.typing as npt

PART = 4096  # rows made float32 at a time


def nearest(
    queries: npt.NDArray[np.floating], features: npt.NDArray[np.floating], count: int = 5
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The most similar rows of ``features`` for each query, by the cosine about their mean.

    Args:
        queries: float (Q, C).
        features: float (N, C), N at least 1; half precision and files mapped to memory are fine.
        count: How many at most.

    Returns:
        Rows int (Q, K) and cosines float32 (Q, K), most similar first; K is ``count`` or N.
    """
    step = max(len(features) // PART, 1)
    middle = np.asarray(features[::step], np.float32).mean(axis=0)
    wanted = _unit(np.asarray(queries, np.float32) - middle)
    cosines = np.concatenate(
        [
            wanted @ _unit(np.asarray(features[at : at + PART], np.float32) - middle).T
            for at in range(0, len(features), PART)
        ],
        axis=1,
    )
    rows = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    return rows.astype(np.int64), np.take_along_axis(cosines, rows, axis=1)


def _unit(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(length, 1e-6), np.float32)
