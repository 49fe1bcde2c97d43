"""List every file of a balanced dataset before any is written."""

import itertools
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Final

import numpy as np
import pandas as pd

from fer_core.balance.plan import Plan
from fer_core.dataset.index import DatasetIndex
from fer_core.dataset.store import MADE, SAME_NAME
from fer_core.errors import DatasetError
from fer_core.images import augment
from fer_core.images.augment import Spec
from fer_core.labels import EMOTIONS
from fer_core.types import Rows

NAME: Final = rf"^(.*){MADE}(\d+)\.png$"
"""File name of an augmented image: the stem of its origin and a number."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Targets, augmentation and seed: the same recipe on the same files gives the same bytes.

    Attributes:
        plan: Targets; see ``plan``.
        spec: Augmentation ranges of the new images.
        seed: Seed of every random choice.
    """

    plan: Plan
    spec: Spec = field(default_factory=Spec)
    seed: int = 0


def make_manifest(index: DatasetIndex, recipe: Recipe) -> pd.DataFrame:
    """List every file of the new dataset; no file is read or written.

    Each image of a class is used equally often, plus or minus one.

    Returns:
        One row a file: ``file`` (path in the new dataset), ``source`` (path in the old one),
        ``split``, ``label``, ``augmented``, and the columns of ``augment.Operation``. The same
        arguments give the same rows.

    Raises:
        DatasetError: Images are to be made, but every augmentation is off.
    """
    plan = recipe.plan
    if any(plan.extra_count.values()) and not recipe.spec.changes_anything:
        raise DatasetError("Every augmentation is off: the new images would be exact duplicates.")
    random = np.random.default_rng(recipe.seed)
    table = index.readable().table[["file", "split", "label"]]
    train = table["split"] == "train"
    original_rows, extra_rows = [np.flatnonzero(~train)], [np.empty(0, np.int64)]
    for name in EMOTIONS:
        rows = np.flatnonzero(train & (table["label"] == name))
        target = plan.target_count.get(name, len(rows))
        order = random.permutation(rows)
        original_rows.append(np.sort(order[:target]))
        extra_rows.append(np.sort(np.resize(order, max(target - len(rows), 0))))
    originals = _rows(table, np.concatenate(original_rows), augmented=False)
    extra = _rows(table, np.concatenate(extra_rows), augmented=True)
    extra = _renumbered(extra, originals)
    drawn = augment.draw(recipe.spec, len(extra), int(random.integers(2**63)))
    identity = pd.DataFrame([asdict(augment.Operation())] * len(originals), columns=drawn.columns)
    manifest = pd.concat([originals.join(identity.astype(drawn.dtypes)), extra.join(drawn)])
    return manifest.reset_index(drop=True)


def _renumbered(extra: pd.DataFrame, originals: pd.DataFrame) -> pd.DataFrame:
    """Return ``extra`` numbered from the last augmented image that is among ``originals``."""
    earlier = originals["file"].str.extract(NAME)
    last = earlier[1].astype(float).groupby(earlier[0]).max()
    parts = extra["file"].str.extract(NAME)
    number = parts[1].astype(int) + parts[0].map(last).fillna(0).astype(int)
    file = parts[0] + MADE + number.astype("str").str.zfill(3) + ".png"
    return extra.assign(file=file)


def _rows(images: pd.DataFrame, rows: Rows, augmented: bool) -> pd.DataFrame:
    """Return manifest rows of ``images.iloc[rows]``, with file names that do not repeat."""
    table = images.iloc[rows].rename(columns={"file": "source"}).reset_index(drop=True)
    paths = [PurePosixPath(source) for source in table["source"]]
    folder = table["split"].astype("str") + "/" + table["label"].astype("str") + "/"
    stem = folder + pd.Series([path.stem for path in paths], dtype="str")
    if augmented:
        number = stem.groupby(stem).cumcount() + 1
        table["file"] = stem + MADE + number.astype("str").str.zfill(3) + ".png"
    else:
        table["file"] = _unique(stem) + pd.Series([path.suffix for path in paths], dtype="str")
    table["augmented"] = augmented
    return table[["file", "source", "split", "label", "augmented"]]


def _unique(stem: pd.Series) -> pd.Series:
    """Return ``stem`` with the first free number appended to each repetition."""
    used, unique = set(stem), []
    for name, number in zip(stem, stem.groupby(stem).cumcount(), strict=True):
        counted = (f"{name}{SAME_NAME}{n}" for n in itertools.count(int(number)))
        unique.append(next(new for new in counted if new not in used) if number else name)
        used.add(unique[-1])
    return pd.Series(unique, dtype="str")
