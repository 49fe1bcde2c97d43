"""Search a dataset: exact duplicates by their digests, others proposed and then confirmed."""

from typing import Final

import numpy as np
import pandas as pd

from fer_core.audit.duplicates.candidates import propose
from fer_core.audit.duplicates.verify import MAX_DIFFERENCE, confirm
from fer_core.dataset.index import DatasetIndex
from fer_core.system.parallel import Progress
from fer_core.types import Numbers, Rows

DEFAULT_DIFFERENCE: Final = 0.045
"""Default largest difference of a pair. On FER-2013, of 24 pairs reviewed in each band, 23, 24 and
23 were one photo from 0.036 to 0.040, 0.044 and 0.050; 24 from 0.05 to 0.06; about 16 from 0.06 to
0.07 and from 0.07 to 0.08; 12 beyond."""

PROPOSING: Final = 0.75
"""Share of the time that proposing takes, 0..1."""


def find(index: DatasetIndex, progress: Progress | None = None, seed: int = 0) -> pd.DataFrame:
    """Return every pair of duplicates; of equal files, each is paired with the first.

    Args:
        index: The dataset.
        progress: Called with the images compared and their number.
        seed: Seed of the random bit orders.

    Returns:
        A row a pair, most similar first: ``a`` < ``b`` (rows of ``index``), ``kind`` (``exact``,
        ``near`` or ``mirrored``), ``difference`` (1 - correlation of the grey values at the best
        alignment, 0..``MAX_DIFFERENCE``), ``crosses`` (the splits differ) and ``disagrees`` (the
        labels differ).
    """
    exact, near = candidates(index, seed, progress)
    difference = confirm(index, near, _part(progress, len(index), PROPOSING, 1.0))
    is_duplicate = difference <= MAX_DIFFERENCE
    return _table(index, exact, near[is_duplicate], difference[is_duplicate])


def candidates(
    index: DatasetIndex, seed: int = 0, progress: Progress | None = None
) -> tuple[Rows, Rows]:
    """Return pairs of equal files, int64 (M, 2), and pairs to compare, as ``propose`` gives them.

    Args:
        index: The dataset.
        seed: Seed of the random bit orders.
        progress: Called up to the share ``PROPOSING`` of all images.
    """
    good = np.flatnonzero(index.is_readable)
    digests = index.table["digest"].to_numpy()[good]
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    exact = np.stack([good[first[inverse]], good], axis=1)
    exact = exact[exact[:, 0] != exact[:, 1]]
    detailed = ~index.is_flat[good[first]]
    single = np.sort(good[first[detailed]])
    near = propose(index.thumbs[single], seed, _part(progress, len(index), 0.0, PROPOSING))
    near[:, :2] = single[near[:, :2]]
    return exact, near


def _part(progress: Progress | None, count: int, start: float, end: float) -> Progress | None:
    """Return a progress that reports the shares ``start`` to ``end`` of ``count`` images."""
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress(round(count * (start + (end - start) * done / total)), count)

    return report


def _table(index: DatasetIndex, exact: Rows, near: Rows, difference: Numbers) -> pd.DataFrame:
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
