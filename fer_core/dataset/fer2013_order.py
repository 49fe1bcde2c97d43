"""Find the rows of Microsoft's ``fer2013new.csv`` that belong to the images of FER-2013.

The table has a row for each row of ``fer2013.csv`` and no key but their order. 173 of its 35,887
rows have no name, and the numbers in the other names do not count them: only 57 names equal the
number of their row, and four names stand twice (microsoft/FERPlus, issues 5 and 17).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from fer_core.dataset import joins
from fer_core.dataset.joins import NONE, Join
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS
from fer_core.types import Labels, Rows

USAGES: Final = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
"""The values of ``Usage`` in FER-2013's tables, with our splits."""

ROW_NAME: Final = re.compile(r"fer(\d{7})$")
"""Names of images: of Microsoft's table, or numbered by row by imports of this app."""

LEAST_IMAGES: Final = 50
"""Fewer labels say nothing about an order."""

LIKE: Final = 0.3
"""Labels and votes are of the same images where their class shares differ by less in all (total
variation distance). FER-2013 against its FER+ majorities: 0.22."""

LEAST_KAPPA: Final = 0.2
"""Agreement beyond chance of the right order; another order has 0 within 0.05. The right order of
FER-2013 has 0.5: 63% of the labels equal the majority."""

UNCONFIRMED: Final = " (the labels are too few or too different from the votes to confirm it)"

WINDOW: Final = 100
"""Rows in which the agreement is looked at: one row missing shifts all that follow."""


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """The columns of ``fer2013new.csv`` that a join needs, a value for each of R rows.

    Attributes:
        names: Image name, empty where the row has none.
        usages: ``Usage``.
        majority: int64 (R,), the emotion with most votes, -1 where none has.
        contents: uint64 (R,), equal where votes are equal.
    """

    names: Sequence[str]
    usages: Sequence[str]
    majority: Labels
    contents: npt.NDArray[np.uint64]


def by_order(order: Order, usages: Sequence[str], labels: Labels, name: str) -> Join:
    """Join the rows of a ``fer2013.csv`` to those of the table, by order within each ``Usage``.

    Args:
        order: The table.
        usages: ``Usage`` of each row of the CSV (N,); all empty where it has no such column.
        labels: int64 (N,), the CSV's labels, -1 for those outside the seven.
        name: The CSV's name, for messages.

    Raises:
        DatasetError: Rows are missing or stand in another order.
    """
    rows = np.full(len(usages), NONE, np.int64)
    csv, table = np.asarray(usages, object), np.asarray(order.usages, object)
    has_name = np.asarray([bool(text) for text in order.names], np.bool_)
    if not csv.astype(bool).any() and len(csv) == (table == "Training").sum():
        csv = np.full(len(csv), "Training", object)  # train.csv of Kaggle's competition
    elif not csv.astype(bool).any() and len(csv) == len(table):
        csv = table
    for usage in dict.fromkeys(csv.tolist()):
        places, candidates = np.flatnonzero(csv == usage), np.flatnonzero(table == usage)
        if len(places) == has_name[candidates].sum():  # the rows without a name left out
            candidates = candidates[has_name[candidates]]
        if len(places) != len(candidates):
            raise DatasetError(_missing_rows(name, csv, table))
        rows[places] = candidates
    spot = _contradiction(labels, order.majority[rows])
    if spot or (_runs(csv) > max(_runs(table), len(set(csv))) and spot is None):
        where = f"rows {spot[0] + 2:,} to {spot[1] + 2:,}" if spot else "its splits"
        raise DatasetError(
            f"{name}: {where} are in another order than the FER+ table's, and votes belong to rows "
            "by their order alone. Use the original fer2013.csv, or import it without the votes."
        )
    used = len(set(rows.tolist()))
    rows[~has_name[rows]] = NONE
    unconfirmed = "" if spot == () else UNCONFIRMED
    return Join(rows, f"by row order within each Usage{unconfirmed}", unused=len(table) - used)


def by_name(
    order: Order, files: Sequence[str], splits: Sequence[str], labels: Labels, root: Path
) -> tuple[Join, str]:
    """Join named images to the rows of the table.

    Names such as ``fer0000018.png`` are Microsoft's, or count the rows of ``fer2013.csv`` as
    imports of this app do. The splits, names that the table lacks, and the agreement of the labels
    with the votes tell which.

    Args:
        order: The table.
        files: Paths (N,) of the images below ``root``.
        splits: Our split of each image (N,).
        labels: int64 (N,), the images' labels.
        root: The dataset's folder.

    Returns:
        The join, and a sentence on the names where they count rows or are not clear, else empty.
    """
    join = joins.by_path(files, order.names, root, contents=order.contents)
    numbers = np.asarray([_number(file) for file in files], np.int64)
    if (numbers < 0).any() or len(set(numbers.tolist())) < len(numbers):
        return _checked(order, join, labels)
    has_name = np.asarray([bool(text) for text in order.names], np.bool_)
    rows = np.where(numbers < len(order.names), numbers, NONE)
    counted = Join(rows, "by row order, which their names count", unused=len(has_name) - len(files))
    faults = [_faults(order, candidate.rows, splits) for candidate in (join, counted)]
    counted = replace(counted, rows=np.where(has_name[rows] & (rows >= 0), rows, NONE))
    if faults[0] == 0 and faults[1] == 0 and not np.array_equal(join.rows, counted.rows):
        faults = _by_agreement(order, (join, counted), labels)
    if faults[1] < faults[0]:
        return _checked(order, counted, labels)
    if faults[0] < faults[1] or np.array_equal(join.rows, counted.rows):
        return _checked(order, join, labels)
    same = join.rows == counted.rows
    unclear = int((~same & (join.has_row | counted.has_row)).sum())
    join = replace(join, rows=np.where(same, join.rows, NONE), ambiguous=unclear)
    return join, (
        "Names such as fer0000018.png may be those of fer2013new.csv or count the rows of "
        f"fer2013.csv: {unclear:,} images have no votes. Import the whole fer2013.csv instead."
    )


def agreement(labels: Labels, majority: Labels) -> float | None:
    """Return Cohen's kappa of labels and majorities, int64 (N,); -1 is none.

    None where there are too few, or where their class shares differ so much that they cannot be of
    the same images in any order.
    """
    both = (labels >= 0) & (majority >= 0)
    if both.sum() < LEAST_IMAGES:
        return None
    shares = [_shares(values[both]) for values in (labels, majority)]
    if np.abs(shares[0] - shares[1]).sum() / 2 > LIKE:
        return None
    return _kappa(labels[both], majority[both], float(shares[0] @ shares[1]))


def _contradiction(labels: Labels, majority: Labels) -> tuple[int, int] | tuple[()] | None:
    """Return the first and last row of a stretch without agreement, () for none.

    None where the labels can say nothing.
    """
    overall = agreement(labels, majority)
    if overall is None:
        return None
    rows = np.flatnonzero((labels >= 0) & (majority >= 0))
    if overall < LEAST_KAPPA:
        return 0, len(labels) - 1
    shares = [_shares(values[rows]) for values in (labels, majority)]
    chance = float(shares[0] @ shares[1])
    width = min(max(len(rows) // 5, LEAST_IMAGES // 2), WINDOW)
    starts = [*range(0, len(rows) - width, width), len(rows) - width]
    bad = [
        start
        for start in starts
        if _kappa(labels[rows[start:][:width]], majority[rows[start:][:width]], chance)
        < LEAST_KAPPA
    ]
    if not bad:
        return ()
    return int(rows[bad[0]]), int(rows[min(bad[-1] + width, len(rows)) - 1])


def _checked(order: Order, join: Join, labels: Labels) -> tuple[Join, str]:
    """Return a join by name, or an empty one where the labels contradict it."""
    kappa = agreement(labels, np.where(join.has_row, order.majority[join.rows], NONE))
    counts_rows = join.rule.startswith("by row")
    if kappa is not None and kappa < LEAST_KAPPA:
        none = replace(join, rows=np.full(len(join.rows), NONE), ambiguous=join.count)
        return none, (
            "The labels agree with the FER+ votes no more than by chance: the images are named in "
            "another order than the table's, and no votes are used. Import the whole fer2013.csv."
        )
    notice = (
        "The names of the images count the rows of fer2013.csv, so their FER+ votes were joined "
        "anew by row order. Version 0.1.0 joined them by name and gave most images the votes of "
        "another row: evaluate and train again what used them."
    )
    return join, notice if counts_rows and join.count else ""


def _by_agreement(order: Order, candidates: Sequence[Join], labels: Labels) -> list[float]:
    """Return 0 for the candidate with which the labels agree where they differ, 1 for the other."""
    differs = candidates[0].rows != candidates[1].rows
    kappas = [
        agreement(labels[differs], np.where(c.has_row, order.majority[c.rows], NONE)[differs]) or 0
        for c in candidates
    ]
    if abs(kappas[0] - kappas[1]) < LEAST_KAPPA:
        return [0, 0]
    return [float(kappa < max(kappas)) for kappa in kappas]


def _faults(order: Order, rows: Rows, splits: Sequence[str]) -> float:
    """Return the share of images without a row, or in another split than their row's."""
    missing = rows == NONE
    usages = np.asarray([USAGES.get(usage, "") for usage in order.usages], object)
    wrong_split = np.zeros(len(rows), np.bool_)
    if len(set(splits)) > 1:
        wrong_split = ~missing & (usages[rows] != np.asarray(splits, object))
    return float((missing | wrong_split).mean())


def _missing_rows(name: str, csv: npt.NDArray[np.object_], table: npt.NDArray[np.object_]) -> str:
    counts = [Counter(usages.tolist()) for usages in (csv, table)]
    listed = [
        ", ".join(f"{usage or 'no Usage'} {count:,}" for usage, count in sorted(each.items()))
        for each in counts
    ]
    return (
        f"{name} has {len(csv):,} rows ({listed[0]}) and the FER+ table {len(table):,} "
        f"({listed[1]}). Votes belong to rows by their order, so no row may be missing. Use the "
        "whole fer2013.csv, or import it without the votes."
    )


def _runs(usages: npt.NDArray[np.object_]) -> int:
    return 1 + int((usages[1:] != usages[:-1]).sum())


def _number(file: str) -> int:
    match = ROW_NAME.search(file.rsplit("/", 1)[-1].rsplit(".", 1)[0])
    return int(match[1]) if match else NONE


def _shares(labels: Labels) -> npt.NDArray[np.float64]:
    return np.bincount(labels, minlength=len(EMOTIONS)) / max(len(labels), 1)


def _kappa(labels: Labels, majority: Labels, chance: float) -> float:
    return float(((labels == majority).mean() - chance) / max(1 - chance, 1e-9))
