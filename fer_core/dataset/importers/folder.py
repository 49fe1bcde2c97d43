"""Take in a folder of class folders: copy its pictures and votes into the store."""

from pathlib import Path

import numpy as np
import pandas as pd

from fer_core.dataset import store
from fer_core.dataset.ferplus import attach_bytes, keep
from fer_core.dataset.index import DatasetIndex
from fer_core.dataset.scan import scan
from fer_core.errors import DatasetError
from fer_core.system.parallel import Progress


def import_folder(
    source: Path,
    name: str,
    home: Path | None = None,
    progress: Progress | None = None,
    votes: bytes | None = None,
) -> Path:
    """Copy a dataset's readable pictures to ``<split>/<emotion>/``, with the votes beside them.

    Args:
        source: See ``scan``.
        name: What to call the dataset; a number is added where the name is taken.
        home: The store; see ``store``.
        progress: See ``chunks.Progress``.
        votes: A table of FER+ votes to keep beside the images; see ``votes.load``.

    Returns:
        The dataset's folder.

    Raises:
        DatasetError: The folder holds no class folders, the votes fit none of the pictures, or one
            of them has gone meanwhile.
    """
    index = scan(source).readable()
    if votes is not None:
        index = attach_bytes(index, votes)
    name = store.free_name(name, home)
    with store.new_dataset(name, int(index.table["bytes"].sum()), home) as folder:
        keep(index, folder, _copy(index, folder, progress), np.arange(len(index)))
    return (home or store.default_home()) / name


def _copy(index: DatasetIndex, folder: Path, progress: Progress | None) -> pd.Series:
    """Copy the pictures; their paths below ``folder``."""
    table, places = index.table, []
    for row, (split, label) in enumerate(zip(table["split"], table["label"], strict=True)):
        source = index.path(row)
        places.append(f"{split}/{label}/{source.name}")
        target = folder / places[-1]
        if target.exists():
            raise DatasetError(
                f"{source}: there are two pictures of this name in {split}/{label}. Rename one."
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        store.copy(source, target)
        if progress and row % 256 == 0:
            progress(row, len(index))
    return pd.Series(places)
