"""Decisions of a person about images: saved as CSV, applied as a view, never to the files."""

import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from filelock import FileLock

from fer_core.dataset.index import DatasetIndex
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS
from fer_core.system import csv_files, files
from fer_core.system.settings import settings

ACTIONS: Final = ("keep", "relabel", "exclude")
COLUMNS: Final = ("file", "given", "action", "label", "reason")
FIELDS: Final = ("file", "given_label", "action", "label", "reason")
"""Attributes of a ``Decision`` in the order of ``COLUMNS``."""


Stamp = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision.

    Attributes:
        file: The image, as the index names it.
        given_label: Its label in the dataset; ``given`` in the CSV.
        action: ``keep`` (looked at and right), ``relabel`` or ``exclude``.
        label: The new label where ``action`` is ``relabel``, else empty.
        reason: The check that found it: ``duplicate``, ``label`` or ``image`` (in files of 0.1.0
            ``copy`` and ``picture``).

    Raises:
        DatasetError: The action or a label is not allowed.
    """

    file: str
    given_label: str
    action: str
    label: str = ""
    reason: str = "label"

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise DatasetError(
                f"A decision is {', '.join(ACTIONS)}. Received: {self.action!r} for {self.file}."
            )
        if (self.action == "relabel") != (
            self.label in EMOTIONS
        ) or self.given_label not in EMOTIONS:
            raise DatasetError(
                f"{self.file}: labels must be one of {', '.join(EMOTIONS)}, and only a relabelled "
                f"image has a new one. Received: {self.given_label!r}, {self.label!r}."
            )


Replaced = Mapping[str, Decision | None]


class Decisions:
    """The decisions about one dataset, in the order they were made; each is written at once.

    A later decision about an image replaces the earlier one. The file is the truth: what others
    decide about the same dataset at the same time is seen and kept.
    """

    def __init__(self, file: Path) -> None:
        """Open ``file``; it is made with the first decision.

        Raises:
            DatasetError: The file cannot be read or is damaged.
        """
        self.file = file
        self._stamp, self._latest = self._read()
        self._replaced: list[Replaced] = []  # by each click made here

    def __len__(self) -> int:
        return len(self.latest())

    def latest(self) -> dict[str, Decision]:
        """Return the decision that holds for each image, by its file."""
        if self.stamp() != self._stamp:
            with contextlib.suppress(DatasetError):  # damaged since: the next addition raises
                self._stamp, self._latest = self._read()
        return self._latest

    def stamp(self) -> Stamp:
        """Return a value that changes with every decision; None where nothing is decided."""
        try:
            facts = self.file.stat()
        except OSError:
            return None
        return facts.st_mtime_ns, facts.st_size

    def add(self, decisions: Iterable[Decision]) -> None:
        """Decide about images at once.

        Raises:
            DatasetError: The file cannot be written, or has been damaged.
        """
        click = {decision.file: decision for decision in decisions}
        if click:
            self._replaced.append(self._change(click))

    def undo(self) -> int:
        """Undo the last click made here, or else the last decision of anyone.

        Returns:
            The number of images it had decided about.

        Raises:
            DatasetError: The file cannot be written, or has been damaged.
        """
        if self._replaced:
            self._change(self._replaced[-1])
            return len(self._replaced.pop())
        last = list(self.latest())[-1:]
        if last:
            self._change(dict.fromkeys(last))
        return len(last)

    def encode(self) -> bytes:
        """Return the decisions as CSV with the columns ``COLUMNS``."""
        return _encode(self.latest().values())

    def _change(self, click: Replaced) -> Replaced:
        """Write other decisions for some images, None for no decision; returns those replaced."""
        with files.writing(self.file, DatasetError, "The decision is not kept."):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.file.with_suffix(".lock"), timeout=10):
                _, latest = self._read()
                replaced = {file: latest.pop(file, None) for file in click}
                latest |= {file: decision for file, decision in click.items() if decision}
                files.write_bytes(self.file, _encode(latest.values()))
                self._stamp, self._latest = self.stamp(), latest
        return replaced

    def _read(self) -> tuple[Stamp, dict[str, Decision]]:
        stamp = self.stamp()
        try:
            decisions = parse(self.file.read_bytes()) if stamp else []
        except (OSError, DatasetError) as error:
            raise DatasetError(f"{self.file}: {error} Correct the file or remove it.") from error
        return stamp, {decision.file: decision for decision in decisions}


def _encode(decisions: Iterable[Decision]) -> bytes:
    rows = [[getattr(decision, name) for name in FIELDS] for decision in decisions]
    return pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(index=False).encode()


def file_for(root: Path, home: Path | None = None) -> Path:
    """Return the file of decisions about the dataset in ``root``, below ``FER_HOME``."""
    key = hashlib.sha256(str(root).encode()).hexdigest()[:8]
    return (home or settings().home) / "decisions" / f"{root.name}-{key}" / "decisions.csv"


def parse(data: bytes) -> list[Decision]:
    """Return decisions from CSV bytes.

    Raises:
        DatasetError: A column is missing or a value is not allowed.
    """
    try:
        options = {"dtype": "str", "keep_default_na": False}
        table = csv_files.table(data, (*COLUMNS, "format"), **options)
        if "format" in table and len(table):  # none so far has this column
            files.check_format({"format": int(table["format"].max())}, 1, "it", DatasetError)
        columns = [table[name].tolist() for name in COLUMNS]
    except (ValueError, KeyError) as error:
        raise DatasetError(f"not a table of decisions ({error}).") from error
    return [Decision(*row) for row in zip(*columns, strict=True)]


def view(index: DatasetIndex, decisions: Decisions) -> DatasetIndex:
    """Return the dataset with decisions applied: without excluded images, others under new labels.

    Decisions about files that are not there, or whose label has changed since, are counted in a
    note and not applied.
    """
    latest = decisions.latest()
    if not latest:
        return index
    rows = [(d.file, d.given_label, d.action, d.label) for d in latest.values()]
    table = pd.DataFrame(rows, columns=["file", "given_label", "action", "label"])
    joined = table.set_index("file").reindex(index.table["file"])
    applies = joined["given_label"].to_numpy() == index.table["label"].astype("str").to_numpy()
    relabel = applies & (joined["action"] == "relabel").to_numpy()
    excluded = applies & (joined["action"] == "exclude").to_numpy()
    codes = index.label_codes()
    codes[relabel] = [EMOTIONS.index(label) for label in joined["label"].to_numpy()[relabel]]
    labels = pd.Categorical.from_codes(codes, pd.Index(list(EMOTIONS)))
    notes = _notes(len(latest) - int(applies.sum()), int(excluded.sum()), int(relabel.sum()))
    changed = replace(index, table=index.table.assign(label=labels), notes=(*index.notes, *notes))
    return changed.where(np.asarray(~excluded, np.bool_)) if excluded.any() else changed


def _notes(unused: int, excluded: int, relabelled: int) -> tuple[str, ...]:
    """Return sentences on what decisions changed."""
    changes = f"Decisions exclude {excluded:,} images and relabel {relabelled:,}."
    missing = (
        f"{unused:,} decisions were not applied: their images are not in this dataset, or have "
        "another label than then."
    )
    return (*[changes] * bool(excluded or relabelled), *[missing] * bool(unused))
