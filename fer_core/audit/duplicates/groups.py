"""From pairs of copies to groups, and to what should be excluded."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from fer_core.audit.duplicates.candidates import Rows
from fer_core.dataset.index import DatasetIndex


def groups(pairs: pd.DataFrame) -> list[Rows]:
    """The rows that belong together: each group sorted, the largest group first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if pairs.empty:
        return []
    rows, places = np.unique(pairs[["a", "b"]].to_numpy(), return_inverse=True)
    a, b = places.reshape(-1, 2).T
    links = coo_array((np.ones(len(a)), (a, b)), shape=(len(rows), len(rows)))
    _, group = connected_components(links, directed=False)
    order = np.argsort(group, kind="stable")
    cuts = np.flatnonzero(np.diff(group[order])) + 1
    return sorted(np.split(rows[order], cuts), key=lambda found: (-len(found), found[0]))


def surplus(index: DatasetIndex, pairs: pd.DataFrame) -> Rows:
    """Training rows to exclude so that no photo is left twice.

    Of each group that reaches into another split every training image goes; of the others all but
    the first do.
    """
    train = np.asarray(index.table["split"] == "train")
    return _collect(
        group[train[group]] if not train[group].all() else group[1:] for group in groups(pairs)
    )


def leaking(index: DatasetIndex, pairs: pd.DataFrame) -> Rows:
    """Training rows that have a copy in another split, be it by way of other copies."""
    train = np.asarray(index.table["split"] == "train")
    return _collect(group[train[group]] for group in groups(pairs) if not train[group].all())


def _collect(parts: Iterable[Rows]) -> Rows:
    return np.unique(np.concatenate([np.empty(0, np.int64), *parts])).astype(np.int64)
