"""Split labelled faces: no person and no near-duplicate is in two splits.

Where there are fewer than three persons, they can be split by sequence: all splits then show
the same persons.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import numpy as np
import pandas as pd

from fer_core.labels import EMOTIONS, SPLITS
from fer_core.types import Labels, Numbers, Rows

SEQUENCE: Final = "sequence"
RULES: Final[dict[str, str]] = {
    "detected": "a person: each face of a photo, each track of a video, each name at the webcam",
    "source": "a file, as if it showed one person",
    "folder": "a folder, as if it showed one person",
    SEQUENCE: "a sequence: a held button, ten seconds of a video. All splits show the same persons",
}
"""Faces that are kept together."""

PAUSE_S: Final = 1.0
"""A sequence at the webcam ends with a pause of so many seconds, or with another label."""

VIDEO_S: Final = 10.0
"""Seconds of a sequence in a video."""

SHARES: Final = (0.7, 0.15, 0.15)
"""Shares of train, validation and test."""

MIN_TEST: Final = 10
"""Test images of a class below which its figures say little."""


@dataclass(frozen=True, slots=True, eq=False)
class SplitPlan:
    """Splits of labelled faces, before anything is written.

    Attributes:
        splits: The split of each face, one of ``SPLITS``; empty for one that is left out because a
            face of another split is its near-duplicate.
        units: int64 (N,); faces with equal numbers must not be parted.
        notes: Sentences on what is too little.
    """

    splits: tuple[str, ...]
    units: Rows
    notes: tuple[str, ...]


def split_counts(splits: Sequence[str], labels: Sequence[str]) -> pd.DataFrame:
    """Return counts: a row an emotion, a column a split.

    Args:
        splits: The split of each face.
        labels: Its emotion.
    """
    table = pd.crosstab(
        pd.Categorical(list(labels), list(EMOTIONS)),
        pd.Categorical(list(splits), list(SPLITS)),
        dropna=False,
    )
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
    if rule in ("detected", SEQUENCE):
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


def plan_sequences(faces: pd.DataFrame, pairs: Rows, labels: Sequence[str]) -> SplitPlan:
    """Assign every face to a split by sequence; persons are in all splits.

    Of the sequences of an emotion, if there are three or more, 15% and at least one are for test,
    and as many for validation. There, faces with a near-duplicate in another split are left out.

    Args:
        faces: See ``Collection.faces``; in the order of addition.
        pairs: int64 (M, 2), rows of near-duplicates.
        labels: An emotion for each.
    """
    units, _ = pd.factorize(np.asarray(sequence_keys(faces, labels), object))
    emotions = np.asarray(labels, object)
    split_of, few = np.zeros(int(units.max(initial=-1)) + 1, np.int64), []
    for emotion in [emotion for emotion in EMOTIONS if emotion in labels]:
        numbers, sizes = np.unique(units[emotions == emotion], return_counts=True)
        if len(numbers) < len(SPLITS):
            few.append(emotion)
            continue
        largest = numbers[np.argsort(-sizes, kind="stable")]
        each = max(1, round(SHARES[2] * len(largest)))
        split_of[largest[1 : 2 * each : 2]], split_of[largest[2 : 2 * each + 1 : 2]] = 2, 1
    splits = split_of[units]
    near = pd.Series(_units([str(row) for row in range(len(units))], pairs))
    names = np.asarray(SPLITS, object)[splits]
    names[splits > pd.Series(splits).groupby(near).transform("min").to_numpy()] = ""
    notes = [
        "Training, validation and test show the same persons, at other times: the figures are too "
        "good for people whom the model has not seen."
    ]
    if few:
        notes.append(
            f"Too few sequences for validation and test: {', '.join(few)}. Hold a button three "
            "times or more, with a pause of a second between."
        )
    codes = np.asarray([EMOTIONS.index(label) for label in labels], np.int64)
    enough = _notes(len(SPLITS), names.tolist(), codes)
    return SplitPlan(tuple(names.tolist()), units, (*notes, *enough))


def sequence_keys(faces: pd.DataFrame, labels: Sequence[str]) -> list[str]:
    """Return a key for each face; equal keys are one sequence of one person with one label.

    Args:
        faces: See ``Collection.faces``; in the order of addition.
        labels: An emotion for each.
    """
    keys: list[str] = []
    latest: dict[str, tuple[float, str, int]] = {}
    rows = zip(faces["kind"], faces["person"], faces["time_s"], labels, strict=True)
    for kind, person, seconds, label in rows:
        if kind == "webcam":
            time_s, last_label, number = latest.get(person, (0.0, "", 0))
            number += label != last_label or not 0 <= seconds - time_s <= PAUSE_S
            latest[person] = seconds, label, number
        else:
            number = int(seconds // VIDEO_S) if kind == "video" else 0
        keys.append(f"{person} {number} {label}")
    return keys


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
            "may be in two splits. Collect three persons or more, or keep sequences together "
            "instead of persons, for a model of these persons alone."
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
