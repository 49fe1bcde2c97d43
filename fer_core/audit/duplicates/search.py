"""Search a dataset: exact duplicates by their digests, others proposed and then confirmed."""

import numpy as np
import pandas as pd

from fer_core.audit.duplicates.candidates import PROPOSING, candidates, part_of
from fer_core.audit.duplicates.verify import MAX_DIFFERENCE, confirm
from fer_core.dataset.index import DatasetIndex
from fer_core.system.parallel import Progress
from fer_core.types import Numbers, Rows


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
    difference = confirm(index, near, part_of(progress, len(index), PROPOSING, 1.0))
    is_duplicate = difference <= MAX_DIFFERENCE
    return _table(index, exact, near[is_duplicate], difference[is_duplicate])


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
