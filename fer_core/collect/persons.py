"""Split labelled faces by person: no person and no near-duplicate is in two splits."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Literal

import numpy as np
import pandas as pd

from fer_core.labels import EMOTIONS, SPLITS
from fer_core.types import Labels, Numbers, Rows

PersonRule = Literal["detected", "source", "folder"]
RULES: Final[dict[str, str]] = {
    "detected": "each face of a photo, each track of a video, each name at the webcam",
    "source": "one person in each file",
    "folder": "one person in each folder",
}
"""What counts as one person."""

SHARES: Final = (0.7, 0.15, 0.15)
"""Shares of train, validation and test."""

MIN_TEST: Final = 10
"""Test images of a class below which its figures say little."""


@dataclass(frozen=True, slots=True, eq=False)
class SplitPlan:
    """Splits of labelled faces, before anything is written.

    Attributes:
        splits: The split of each face, one of ``SPLITS``.
        units: int64 (N,); faces with equal numbers must not be parted.
        notes: Sentences on what is too little.
    """

    splits: tuple[str, ...]
    units: Rows
    notes: tuple[str, ...]

    def counts(self, labels: list[str]) -> pd.DataFrame:
        """Return counts: a row an emotion, a column a split."""
        table = pd.crosstab(
            pd.Categorical(labels, list(EMOTIONS)), pd.Categorical(self.splits, list(SPLITS)),
            dropna=False,
        )  # fmt: skip
        table = table.reindex(index=list(EMOTIONS), columns=list(SPLITS), fill_value=0)
        return table.rename_axis(index=None, columns=None)


def person_keys(faces: pd.DataFrame, rule: str = "detected") -> list[str]:
    """Return a key for each face; equal keys are one person.

    Args:
        faces: See ``Collection.faces``.
        rule: A key of ``RULES``.

    Raises:
        ValueError: There is no such rule.
    """
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(RULES)}. Received: {rule!r}.")
    sources, persons = faces["source"].astype(str), faces["person"].astype(str)
    if rule == "detected":
        return persons.tolist()
    files = (
        sources if rule == "source" else sources.map(lambda name: str(PurePosixPath(name).parent))
    )
    is_named = faces["kind"] == "webcam"  # the name that was typed is known better
    return [str(key) for key in persons.where(is_named, "file:" + files)]


def plan(persons: Sequence[str], pairs: Rows, labels: Sequence[str], seed: int = 0) -> SplitPlan:
    """Assign every face to a split.

    Persons that share near-duplicates become one unit. Units are assigned whole, the largest
    first, to the split that lacks most of their classes; see scikit-learn's StratifiedGroupKFold.

    Args:
        persons: A key for each of N faces; equal keys are one person.
        pairs: int64 (M, 2), rows of near-duplicates.
        labels: An emotion for each.
        seed: Decides between units of equal size.
    """
    units = _units(persons, pairs)
    count = int(units.max(initial=-1)) + 1
    classes = np.zeros((count, len(EMOTIONS)))
    codes = np.asarray([EMOTIONS.index(label) for label in labels], np.int64)
    np.add.at(classes, (units, codes), 1)
    assigned = _assign(classes, seed)
    splits = tuple(SPLITS[split] for split in assigned[units].tolist())
    return SplitPlan(splits, units, _notes(count, splits, codes))


def _units(persons: Sequence[str], pairs: Rows) -> Rows:
    """Return a number for each face, int64 (N,): its person, joined with near-duplicates."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    codes, _ = pd.factorize(np.asarray(persons, object))
    count = int(codes.max(initial=-1)) + 1
    a, b = codes[pairs[:, 0]], codes[pairs[:, 1]]
    links = coo_array((np.ones(len(a)), (a, b)), shape=(count, count))
    _, component = connected_components(links, directed=False)
    return np.asarray(component[codes], np.int64)


def _assign(classes: Numbers, seed: int) -> Rows:
    """Return the split of each unit, int64 (U,); ``classes`` is float64 (U, 7)."""
    count = len(classes)
    used = {0: 0, 1: 1, 2: 2}.get(count, 3)  # a test split needs a third unit
    order = np.lexsort((np.random.default_rng(seed).permutation(count), -classes.sum(axis=1)))
    targets = np.outer(SHARES[:used], classes.sum(axis=0))
    filled = np.zeros_like(targets)
    assigned = np.zeros(count, np.int64)
    weights = classes / np.maximum(classes.sum(axis=0), 1)
    for position, unit in enumerate(order.tolist()):
        lack = ((targets - filled) * weights[unit]).sum(axis=1)
        is_empty = filled.sum(axis=1) == 0
        if is_empty.sum() >= count - position:  # each of the last units fills an empty split
            lack = np.where(is_empty, lack, -np.inf)
        assigned[unit] = lack.argmax()
        filled[assigned[unit]] += classes[unit]
    return assigned


def _notes(units: int, splits: Sequence[str], labels: Labels) -> tuple[str, ...]:
    notes = []
    names = np.asarray(splits, object)
    present = [EMOTIONS[code] for code in np.unique(labels).tolist()]
    if len(present) < 2:
        label = present[0] if present else "none"
        notes.append(f"Training needs faces of two emotions or more. Labelled so far: {label}.")
    if units < 3:
        persons = "1 person" if units == 1 else f"{units} persons"
        lacking = "validation and test" if units < 2 else "test"
        notes.append(
            f"There is too little for a {lacking} split: the faces show {persons}, and no person "
            "may be in two splits. Collect three persons or more."
        )
        return tuple(notes)
    few = []
    for code, emotion in enumerate(EMOTIONS):
        count = int((labels[names == "test"] == code).sum())
        if emotion in present and count < MIN_TEST:
            few.append(f"{emotion} {count}")
    if few:
        notes.append(
            f"The test split is small ({', '.join(few)}): below {MIN_TEST} images of a class its "
            "figures can be chance."
        )
    return tuple(notes)
