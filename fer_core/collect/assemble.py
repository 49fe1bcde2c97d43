"""Write the labelled faces of a collection as a dataset, with a manifest and a dataset card."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from fer_core.audit import duplicates
from fer_core.collect import card, labels, persons, quality
from fer_core.collect.collection import BYTES, PROBABILITIES, Collection, suggested
from fer_core.collect.selection import Selection, select
from fer_core.dataset import store
from fer_core.errors import DatasetError
from fer_core.system import files
from fer_core.system.parallel import Progress, run
from fer_core.types import Rows

CARD: Final = "dataset_card.md"
MANIFEST_COLUMNS: Final = (
    "file", "source", "split", "label", "method", "by", "suggested", "confidence", "kind", "frame",
    "time_s", "person", "x1", "y1", "x2", "y2", "score", "roll", "model", "head", "detector",
)  # fmt: skip
"""Columns of the manifest: a row an image."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Choices by which a dataset is written; the same on the same faces gives the same bytes.

    Attributes:
        limits: Poorer faces are left out; see ``quality``.
        near_duplicates: Write near-duplicates too.
        rule: Faces that are kept together, a key of ``persons.RULES``.
        seed: Of the splits, from 0 on.

    Raises:
        DatasetError: The seed is below 0.
    """

    limits: quality.Limits = field(default_factory=quality.Limits)
    near_duplicates: bool = False
    rule: str = "detected"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise DatasetError(f"The seed must be 0 or more. Received: {self.seed}.")


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Everything about a dataset before it is written.

    Attributes:
        table: The manifest, and ``crop``, the name of the face in the collection.
        notes: Sentences on what is too little, and on what is left out.
        left_out: Number of faces that are not written, by reason.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]
    left_out: dict[str, int]

    @property
    def counts(self) -> pd.DataFrame:
        """Counts of images: a row an emotion, a column a split."""
        return persons.split_counts(self.table["split"].tolist(), self.table["label"].tolist())


def make_plan(
    collection: Collection, recipe: Recipe | None = None, selection: Selection | None = None
) -> Plan:
    """Return what a dataset of the labelled faces would hold; nothing is written.

    Args:
        collection: The faces and labels.
        recipe: See ``Recipe``.
        selection: From ``select``, where it was made already.

    Raises:
        DatasetError: The collection holds no face.
    """
    if collection.is_empty:
        raise DatasetError(
            f"{collection.name}: the collection holds no face. Add photos or videos."
        )
    recipe = recipe or Recipe()
    selection = (selection or select(collection)).with_limits(recipe.limits, recipe.near_duplicates)
    faces, held = selection.faces, labels.states(collection)
    labelled = labels.label_table(faces, held)
    is_labelled = (labelled["label"] != "").to_numpy()
    keep = is_labelled & (selection.reasons == "").to_numpy()
    rows = np.flatnonzero(keep)
    pairs = _links(selection, rows)
    faces_used, labels_used = faces.iloc[rows], labelled.iloc[rows]
    keys, emotions = persons.person_keys(faces_used, recipe.rule), labels_used["label"].tolist()
    if recipe.rule == persons.SEQUENCE:
        split = persons.plan_sequences(faces_used, pairs, emotions)
    else:
        split = persons.plan(keys, pairs, emotions, recipe.seed)
    table = _table(faces_used, labels_used, split.splits, keys)
    left_out = dict(selection.set_aside)
    parted = int((table["split"] == "").sum())
    left_out |= {"like a face of another split": parted} if parted else {}
    table = table[table["split"] != ""].reset_index(drop=True)
    conflicts = sum(file in set(faces["file"]) for file in labels.conflicts(held))
    left_out |= {"with a conflict of labels": conflicts} if conflicts else {}
    unlabelled = int((~is_labelled & (selection.reasons == "").to_numpy()).sum()) - conflicts
    left_out |= {"without a label": unlabelled} if unlabelled > 0 else {}
    return Plan(table, split.notes, left_out)


def _links(selection: Selection, rows: Rows) -> Rows:
    """Return pairs of near-duplicates among ``rows``, int64 (M, 2), as positions in them.

    Two that are connected by a face that is not used are connected as well.
    """
    position = np.full(len(selection.faces), -1)
    position[rows] = np.arange(len(rows))
    groups = [position[group] for group in duplicates.groups(selection.pairs)]
    used = [group[group >= 0] for group in groups]
    pairs = [np.stack([group[:-1], group[1:]], axis=1) for group in used]
    return np.concatenate([np.empty((0, 2), np.int64), *pairs])


def write(
    collection: Collection,
    plan: Plan,
    name: str | None = None,
    home: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a dataset: ``split/label/NNNNNN.png``, ``manifest.parquet``, ``dataset_card.md``.

    Args:
        collection: The faces.
        plan: From ``make_plan``.
        name: Name of the dataset; the collection's if None. A number is added where it is taken.
        home: The store; see ``dataset.store``.
        progress: Called with the images written and their number.

    Returns:
        The folder of the dataset.

    Raises:
        DatasetError: No face is labelled, or the disk is full.
        CancelledError: ``progress`` asked to stop. No partial dataset remains.
    """
    if plan.table.empty:
        raise DatasetError(
            f"{collection.name}: no face has a label that is used. Label some faces first."
        )
    name = store.free_name(name or collection.name, home)
    targets, crops = plan.table["file"].tolist(), plan.table["crop"].tolist()
    with store.new_dataset(name, len(targets) * BYTES, home) as folder:
        for parent in sorted({(folder / target).parent for target in targets}):
            parent.mkdir(parents=True)

        def work(start: int, stop: int) -> None:
            for target, crop in zip(targets[start:stop], crops[start:stop], strict=True):
                store.copy(collection.crop_file(crop), folder / target)

        run(work, len(targets), progress)
        manifest = plan.table.drop(columns="crop")
        files.write_bytes(folder / store.MANIFEST, files.parquet_bytes(manifest))
        about = {"collection": collection.name, "images": len(manifest), "left_out": plan.left_out}
        store.write_about(folder, about)
        text = card.markdown_card(name, plan.table, plan.counts, plan.left_out, plan.notes)
        files.write_bytes(folder / CARD, text.encode())
    return (home or store.default_home()) / name


def _table(
    faces: pd.DataFrame, labelled: pd.DataFrame, splits: Sequence[str], keys: Sequence[str]
) -> pd.DataFrame:
    table = faces.reset_index(drop=True).rename(columns={"file": "crop"})
    for column in ("label", "method", "by"):
        table[column] = labelled[column].to_numpy()
    for column, values in (("split", splits), ("person", keys)):
        table[column] = pd.Series(list(values), dtype="str")
    table["suggested"] = suggested(faces)
    table["confidence"] = table[PROBABILITIES].astype(float).max(axis=1)
    table["file"] = table["split"] + "/" + table["label"] + "/" + table["crop"]
    table["frame"] = table["frame"].astype("Int64")
    table["time_s"] = table["time_s"].astype("Float64")
    ordered = table[[*MANIFEST_COLUMNS, "crop"]].sort_values("file", kind="stable")
    return ordered.reset_index(drop=True)
