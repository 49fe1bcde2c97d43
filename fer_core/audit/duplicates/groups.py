"""Group pairs of duplicates, and choose the images to exclude."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from fer_core.dataset.index import DatasetIndex
from fer_core.types import Rows


def groups(pairs: pd.DataFrame) -> list[Rows]:
    """Return connected rows: each group sorted, the largest group first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if pairs.empty:
        return []
    rows, ends = np.unique(pairs[["a", "b"]].to_numpy(), return_inverse=True)
    a, b = ends.reshape(-1, 2).T
    links = coo_array((np.ones(len(a)), (a, b)), shape=(len(rows), len(rows)))
    _, group = connected_components(links, directed=False)
    order = np.argsort(group, kind="stable")
    cuts = np.flatnonzero(np.diff(group[order])) + 1
    return sorted(np.split(rows[order], cuts), key=lambda rows: (-len(rows), rows[0]))


def surplus(index: DatasetIndex, pairs: pd.DataFrame) -> Rows:
    """Return training rows to exclude so that no photo remains twice.

    A group that reaches into another split loses every training image, any other group all but the
    first.
    """
    train = np.asarray(index.table["split"] == "train")
    return _collect(
        group[train[group]] if not train[group].all() else group[1:] for group in groups(pairs)
    )


def leaking(index: DatasetIndex, pairs: pd.DataFrame) -> Rows:
    """Return training rows with a duplicate in another split, directly or through others."""
    train = np.asarray(index.table["split"] == "train")
    return _collect(group[train[group]] for group in groups(pairs) if not train[group].all())


def _collect(parts: Iterable[Rows]) -> Rows:
    return np.unique(np.concatenate([np.empty(0, np.int64), *parts])).astype(np.int64)
