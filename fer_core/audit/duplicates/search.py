"""The whole search: exact copies by their digests, others proposed and then confirmed."""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core.audit.duplicates.candidates import Rows, propose
from fer_core.audit.duplicates.verify import MOST_DIFFERENCE, confirm
from fer_core.dataset.index import DatasetIndex
from fer_core.system.parallel import Progress

DEFAULT_DIFFERENCE: Final = 0.045
"""Pairs up to this are shown unless asked otherwise. On FER-2013, of 24 pairs looked at a band, 23,
24 and 23 were the same photo from 0.036 to 0.040, to 0.044 and to 0.050; 24 from 0.05 to 0.06; some
16 from 0.06 to 0.07 and from 0.07 to 0.08; 12 beyond."""

PROPOSING: Final = 0.75
"""Share of the time that proposing takes."""

FLAT: Final = 6.0
"""Pictures whose grey values deviate less than this are not compared: they are all alike."""


def find(index: DatasetIndex, progress: Progress | None = None, seed: int = 0) -> pd.DataFrame:
    """Every pair of copies; where many files are equal, each is paired with the first of them.

    Args:
        index: The dataset.
        progress: See ``chunks.Progress``; counts pictures.
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
    near = propose(index.thumbs[single], seed, _part(progress, len(index), 0.0, PROPOSING))
    near[:, :2] = single[near[:, :2]]
    difference = confirm(index, near, _part(progress, len(index), PROPOSING, 1.0))
    alike = difference <= MOST_DIFFERENCE
    return _table(index, exact, near[alike], difference[alike])


def _part(progress: Progress | None, count: int, start: float, end: float) -> Progress | None:
    """Reports a part of the work as ``count`` pictures from the shares ``start`` to ``end``."""
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress(round(count * (start + (end - start) * done / total)), count)

    return report


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
