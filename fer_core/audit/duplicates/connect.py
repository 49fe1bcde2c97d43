"""Connect duplicates with few comparisons, where only their groups count and not every pair."""

import numpy as np
import pandas as pd

from fer_core.audit.duplicates.candidates import candidates
from fer_core.audit.duplicates.verify import (
    DEFAULT_DIFFERENCE,
    MIN_SIMILARITY,
    confirm,
    similarity,
)
from fer_core.dataset.index import DatasetIndex
from fer_core.system.parallel import Progress
from fer_core.types import Rows

BATCH = 8192
"""Pairs compared at once while few of them are duplicates."""


def connect(
    index: DatasetIndex,
    known: Rows,
    largest: float = DEFAULT_DIFFERENCE,
    progress: Progress | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return pairs of duplicates that connect the same images as those of ``find``.

    Of 100 images of one photo 99 pairs are compared where ``find`` compares 4,950.

    Args:
        index: The dataset.
        known: int64 (N,); images with equal numbers are connected already and make no pair.
        largest: Largest difference of a pair.
        progress: Called with the images compared and their number.
        seed: Seed of the random bit orders.

    Returns:
        ``a`` < ``b``, rows of ``index``.
    """
    exact, near = candidates(index, seed, progress)
    group = np.unique(known, return_inverse=True)[1]
    exact = exact[group[exact[:, 0]] != group[exact[:, 1]]]
    group = _join(group, exact)
    near = _alike(index, near[group[near[:, 0]] != group[near[:, 1]]])
    parts, share = [exact], 1.0
    while len(near := near[group[near[:, 0]] != group[near[:, 1]]]):
        rows = _forest(group[near[:, :2]]) if share >= 0.5 else np.arange(min(BATCH, len(near)))
        is_duplicate = confirm(index, near[rows]) <= largest
        parts.append(near[rows][is_duplicate, :2])
        group, share = _join(group, parts[-1]), float(is_duplicate.mean())
        near = np.delete(near, rows, axis=0)
    if progress:
        progress(len(index), len(index))
    ends = np.concatenate(parts)
    return pd.DataFrame(
        {"a": ends.min(axis=1, initial=len(index)), "b": ends.max(axis=1, initial=0)}
    )


def _alike(index: DatasetIndex, pairs: Rows) -> Rows:
    """Return the pairs, int64 (M, 3), whose thumbnails are alike, the most alike first."""
    parts = [pairs[start : start + BATCH] for start in range(0, len(pairs), BATCH)]
    values = [similarity(index.thumbs, part) for part in parts]
    likeness = np.concatenate([np.empty(0, np.float32), *values])
    order = np.argsort(-likeness, kind="stable")
    return pairs[order[likeness[order] >= MIN_SIMILARITY]]


def _forest(ends: Rows) -> Rows:
    """Return positions in ``ends``, groups int64 (M, 2), of pairs that form no ring, first ones."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    count = int(ends.max()) + 1
    codes, first = np.unique(ends.min(axis=1) * count + ends.max(axis=1), return_index=True)
    graph = coo_array((first + 1.0, (codes // count, codes % count)), shape=(count, count))
    return np.asarray(minimum_spanning_tree(graph).tocoo().data - 1, np.int64)


def _join(group: Rows, pairs: Rows) -> Rows:
    """Return the group of each image, int64 (N,), after the groups of ``pairs`` became one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = int(group.max(initial=-1)) + 1
    a, b = group[pairs[:, 0]], group[pairs[:, 1]]
    links = coo_array((np.ones(len(a)), (a, b)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1][group], np.int64)
