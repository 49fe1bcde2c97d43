"""Decide on every file of a balanced dataset without touching any."""

import itertools
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from fer_core.balance.plan import Plan
from fer_core.dataset.index import DatasetIndex
from fer_core.dataset.store import MADE, SAME_NAME
from fer_core.errors import DatasetError
from fer_core.images import augment
from fer_core.images.augment import Spec
from fer_core.labels import EMOTIONS

NAME: Final = rf"^(.*){MADE}(\d+)\.png$"
"""The name of an image that balancing made: of which, and a number."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides a balanced dataset: the same recipe on the same files, the same bytes.

    Attributes:
        plan: Targets; see ``plan``.
        spec: How new images may differ from those they are made of.
        seed: Of every random choice.
    """

    plan: Plan
    spec: Spec = field(default_factory=Spec)
    seed: int = 0


def make_manifest(index: DatasetIndex, recipe: Recipe) -> pd.DataFrame:
    """Decide on every file of the new dataset without touching any.

    Each image of a class is used equally often, give or take one.

    Returns:
        One row a file: ``file`` (path in the new dataset), ``source`` (path in the old one),
        ``split``, ``label``, ``augmented``, and the columns of ``augmentation.Operation``. The
        same arguments give the same rows.

    Raises:
        DatasetError: Images are to be made, but every augmentation is off.
    """
    wanted = recipe.plan
    if any(wanted.extra_count.values()) and not recipe.spec.changes_anything:
        raise DatasetError("Every augmentation is off: the new images would be plain copies.")
    random = np.random.default_rng(recipe.seed)
    good = index.readable().table[["file", "split", "label"]]
    train = good["split"] == "train"
    kept, extra = [np.flatnonzero(~train)], [np.empty(0, np.int64)]
    for name in EMOTIONS:
        rows = np.flatnonzero(train & (good["label"] == name))
        target = wanted.target_count.get(name, len(rows))
        order = random.permutation(rows)
        kept.append(np.sort(order[:target]))
        extra.append(np.sort(np.resize(order, max(target - len(rows), 0))))
    originals = _rows(good, np.concatenate(kept), augmented=False)
    copies = _rows(good, np.concatenate(extra), augmented=True)
    copies = _numbered_on(copies, originals)
    drawn = augment.draw(recipe.spec, len(copies), int(random.integers(2**63)))
    same = pd.DataFrame([asdict(augment.Operation())] * len(originals), columns=drawn.columns)
    table = pd.concat([originals.join(same.astype(drawn.dtypes)), copies.join(drawn)])
    return table.reset_index(drop=True)


def _numbered_on(copies: pd.DataFrame, originals: pd.DataFrame) -> pd.DataFrame:
    """``copies`` numbered behind what balancing made before, which is among ``originals``."""
    made = originals["file"].str.extract(NAME)
    last = made[1].astype(float).groupby(made[0]).max()
    parts = copies["file"].str.extract(NAME)
    number = parts[1].astype(int) + parts[0].map(last).fillna(0).astype(int)
    file = parts[0] + MADE + number.astype("str").str.zfill(3) + ".png"
    return copies.assign(file=file)


def _rows(good: pd.DataFrame, rows: npt.NDArray[np.int64], augmented: bool) -> pd.DataFrame:
    """Manifest rows for the images ``rows`` of ``good``, with file names that do not repeat."""
    table = good.iloc[rows].rename(columns={"file": "source"}).reset_index(drop=True)
    paths = [PurePosixPath(source) for source in table["source"]]
    folder = table["split"].astype("str") + "/" + table["label"].astype("str") + "/"
    stem = folder + pd.Series([path.stem for path in paths], dtype="str")
    if augmented:
        number = stem.groupby(stem).cumcount() + 1
        table["file"] = stem + MADE + number.astype("str").str.zfill(3) + ".png"
    else:
        table["file"] = _apart(stem) + pd.Series([path.suffix for path in paths], dtype="str")
    table["augmented"] = augmented
    return table[["file", "source", "split", "label", "augmented"]]


def _apart(stem: pd.Series) -> pd.Series:
    """``stem``, with the first free number behind each one that was there before."""
    taken, found = set(stem), []
    for name, number in zip(stem, stem.groupby(stem).cumcount(), strict=True):
        counted = (f"{name}{SAME_NAME}{n}" for n in itertools.count(int(number)))
        found.append(next(new for new in counted if new not in taken) if number else name)
        taken.add(found[-1])
    return pd.Series(found, dtype="str")
