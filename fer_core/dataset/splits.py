"""Make a dataset fit for training: a validation split where it has none, corrections added."""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core.dataset import store
from fer_core.dataset.index import DatasetIndex
from fer_core.errors import DatasetError

SHARE: Final = 0.15
"""Of the training images of each class that become the validation split."""

MADE_ENDING: Final = rf"{store.MADE}\d+(?:{store.SAME_NAME}\d+)?\.png$"
"""Ending of the names of images that balancing made, in this version or an earlier one."""

ENDING: Final = rf"(?:(?:{store.MADE}|{store.SAME_NAME})\d+)*\.\w+$"
"""Ending in which names of one origin differ; repeated in versions of versions."""


def with_validation(index: DatasetIndex, seed: int = 0) -> DatasetIndex:
    """Return the dataset with ``SHARE`` of its training images as validation, unless it has some.

    Images with equal pixels, and those that balancing made of one image, stay together: training
    images of the same origin as a validating one are left out. None that balancing made validates.

    Raises:
        DatasetError: No class has two images.
    """
    if (index.table["split"] == "validation").any():
        return index
    train = np.asarray(index.table["split"] == "train") & index.is_readable
    origin, is_made = _origins(index)
    validating = np.zeros(len(index), np.bool_)
    random = np.random.default_rng(seed)
    for label in index.table["label"].cat.categories:
        rows = np.flatnonzero(train & ~is_made & np.asarray(index.table["label"] == label))
        first = rows[~pd.Series(origin[rows]).duplicated().to_numpy()]
        count = max(round(SHARE * len(first)), 1) if len(first) > 1 else 0
        validating[random.permutation(first)[:count]] = True
    if not validating.any():
        raise DatasetError(
            f"{index.root}: there are too few images for a validation split. At least one class "
            "needs two."
        )
    related = np.isin(origin, origin[validating]) & train & ~validating
    split = index.table["split"].mask(validating, "validation")
    note = f"{SHARE:.0%} of the training images validate, as there is no validation split."
    parted = replace(index, table=index.table.assign(split=split), notes=(*index.notes, note))
    return parted.where(~related)


def with_extra(index: DatasetIndex, extra: DatasetIndex) -> DatasetIndex:
    """Return the dataset with all images of ``extra`` as training images, at absolute paths."""
    added = extra.readable()
    files = [str(added.path(row).absolute()) for row in range(len(added))]
    table = added.table.assign(file=pd.Series(files, dtype="str"))
    table["split"] = pd.Categorical(["train"] * len(table), index.table["split"].cat.categories)
    votes = index.votes
    if votes is not None:
        none = pd.DataFrame(0, index=range(len(table)), columns=votes.columns)
        votes = pd.concat([votes, none], ignore_index=True)
    return replace(
        index,
        table=pd.concat([index.table, table], ignore_index=True),
        thumbs=np.concatenate([index.thumbs, added.thumbs]),
        votes=votes,
    )


def _origins(index: DatasetIndex) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """Return a number for each image, uint64 (N,), and the images that balancing made, bool (N,).

    Copies have one number, and so has what was made of an image in this version and those before.
    """
    digests = index.table["digest"].to_numpy(np.uint64)
    is_made = index.table["file"].str.contains(MADE_ENDING, regex=True).to_numpy(np.bool_)
    if not is_made.any():
        return digests, is_made
    origin = _sources(index).str.replace(ENDING, "", regex=True)
    numbers = dict(zip(origin[is_made], digests[is_made], strict=True))  # of origins left out
    numbers |= dict(zip(origin[~is_made], digests[~is_made], strict=True))
    return np.asarray([numbers[name] for name in origin], np.uint64), is_made


def _sources(index: DatasetIndex) -> pd.Series:
    """Return the file each image came from; its own where there is no manifest."""
    files = index.table["file"].astype("str")
    manifest = index.root / store.MANIFEST
    if not manifest.is_file():
        return files
    sources = pd.read_parquet(manifest, columns=["file", "source"]).set_index("file")["source"]
    return files.map(sources).fillna(files)
