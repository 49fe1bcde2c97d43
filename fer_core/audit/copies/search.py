"""The whole search: exact copies by their digests, others proposed and then confirmed."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core.audit.copies.comparing import MOST_DIFFERENCE, confirm
from fer_core.audit.copies.fingerprints import Rows, propose
from fer_core.chunks import Progress
from fer_core.dataset.index import DatasetIndex

DEFAULT_DIFFERENCE: Final = 0.08
"""Pairs up to this are shown unless asked otherwise. On FER-2013, of 24 pairs looked at a band, all
below 0.06 were the same photo, 22 from 0.06 to 0.08, and 19 from 0.08 to 0.10."""

FLAT: Final = 6.0
"""Pictures whose grey values deviate less than this are not compared: they are all alike."""


def find(index: DatasetIndex, progress: Progress | None = None, seed: int = 0) -> pd.DataFrame:
    """Every pair of copies; where many files are equal, each is paired with the first of them.

    Args:
        index: The dataset.
        progress: See ``chunks.Progress``; counts pairs that are confirmed.
        seed: Of the random bit orders.

    Returns:
        A row a pair, most alike first: ``a`` < ``b`` (rows of ``index``), ``kind`` (``exact``,
        ``near`` or ``mirrored``), ``difference`` (1 - correlation of the grey values at the best
        fit, 0..``MOST_DIFFERENCE``), ``crosses`` (the splits differ), ``disagrees`` (the labels
        differ).
    """
    good = np.flatnonzero(index.is_readable)
    digests = index.table["digest"].to_numpy()[good]
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    exact = np.stack([good[first[inverse]], good], axis=1)
    exact = exact[exact[:, 0] != exact[:, 1]]
    detailed = index.table["contrast"].to_numpy()[good[first]] >= FLAT
    single = np.sort(good[first[detailed]])
    near = propose(index.thumbs[single], seed)
    near[:, :2] = single[near[:, :2]]
    difference = confirm(index, near, progress)
    alike = difference <= MOST_DIFFERENCE
    return _table(index, exact, near[alike], difference[alike])


def _table(
    index: DatasetIndex, exact: Rows, near: Rows, difference: npt.NDArray[np.float64]
) -> pd.DataFrame:
    split = index.table["split"].cat.codes.to_numpy()
    label = index.label_codes()
    ends = np.concatenate([exact, near[:, :2]])
    table = pd.DataFrame(
        {
            "a": ends.min(axis=1, initial=len(index)),
            "b": ends.max(axis=1, initial=0),
            "kind": ["exact"] * len(exact)
            + ["mirrored" if flip else "near" for flip in near[:, 2].tolist()],
            "difference": np.concatenate([np.zeros(len(exact)), difference]),
            "crosses": split[ends[:, 0]] != split[ends[:, 1]],
            "disagrees": label[ends[:, 0]] != label[ends[:, 1]],
        }
    )
    best = table.sort_values(["difference", "a", "b"], kind="stable")
    return best.drop_duplicates(["a", "b"]).reset_index(drop=True)
