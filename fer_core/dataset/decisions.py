"""What a person decided about images: kept in a CSV, applied as a view, never to the files."""

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


Stamp = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision.

    Attributes:
        file: The image, as the index names it.
        given: Its label in the dataset.
        action: ``keep`` (looked at and right), ``relabel`` or ``exclude``.
        label: The new label where ``action`` is ``relabel``, else empty.
        reason: The check that found it: ``duplicate``, ``label`` or ``image`` (in files of 0.1.0
            ``copy`` and ``picture``).

    Raises:
        DatasetError: The action or a label is not allowed.
    """

    file: str
    given: str
    action: str
    label: str = ""
    reason: str = "label"

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise DatasetError(
                f"A decision is {', '.join(ACTIONS)}. Received: {self.action!r} for {self.file}."
            )
        if (self.action == "relabel") != (self.label in EMOTIONS) or self.given not in EMOTIONS:
            raise DatasetError(
                f"{self.file}: labels must be one of {', '.join(EMOTIONS)}, and only a relabelled "
                f"image has a new one. Received: {self.given!r}, {self.label!r}."
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
        self._stamp, self._known = self._read()
        self._replaced: list[Replaced] = []  # by each click made here

    def __len__(self) -> int:
        return len(self.latest())

    def latest(self) -> dict[str, Decision]:
        """The decision that holds for each image."""
        if self.stamp() != self._stamp:
            with contextlib.suppress(DatasetError):  # damaged since: said when one is added
                self._stamp, self._known = self._read()
        return self._known

    def stamp(self) -> Stamp:
        """Another one after every change; None where nothing is decided."""
        try:
            facts = self.file.stat()
        except OSError:
            return None
        return facts.st_mtime_ns, facts.st_size

    def add(self, decisions: Iterable[Decision]) -> None:
        """Decide about one or several images at once.

        Raises:
            DatasetError: The file cannot be written, or has been damaged.
        """
        click = {one.file: one for one in decisions}
        if click:
            self._replaced.append(self._change(click))

    def undo(self) -> int:
        """Take back the last click made here, or else the last decision there is.

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
        """As CSV with the columns ``COLUMNS``."""
        return _encode(self.latest().values())

    def _change(self, click: Replaced) -> Replaced:
        """Write other decisions for some images, None for no decision; returns those replaced."""
        with files.writing(self.file, DatasetError, "The decision is not kept."):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.file.with_suffix(".lock"), timeout=10):
                _, known = self._read()
                replaced = {file: known.pop(file, None) for file in click}
                known |= {file: one for file, one in click.items() if one}
                files.write_bytes(self.file, _encode(known.values()))
                self._stamp, self._known = self.stamp(), known
        return replaced

    def _read(self) -> tuple[Stamp, dict[str, Decision]]:
        stamp = self.stamp()
        try:
            made = parse(self.file.read_bytes()) if stamp else []
        except (OSError, DatasetError) as error:
            raise DatasetError(f"{self.file}: {error} Correct it or take it away.") from error
        return stamp, {one.file: one for one in made}


def _encode(decisions: Iterable[Decision]) -> bytes:
    rows = [[getattr(one, name) for name in COLUMNS] for one in decisions]
    return pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(index=False).encode()


def file_for(root: Path, home: Path | None = None) -> Path:
    """Where the decisions about the dataset in ``root`` are kept, below ``FER_HOME``."""
    key = hashlib.sha256(str(root).encode()).hexdigest()[:8]
    return (home or settings().home) / "decisions" / f"{root.name}-{key}" / "decisions.csv"


def parse(data: bytes) -> list[Decision]:
    """Decisions from CSV bytes.

    Raises:
        DatasetError: A column is missing or a value is not allowed.
    """
    try:
        table = csv_files.table(data, COLUMNS, dtype="str", keep_default_na=False)
        columns = [table[name].tolist() for name in COLUMNS]
    except (ValueError, KeyError) as error:
        raise DatasetError(f"not a table of decisions ({error}).") from error
    return [Decision(*row) for row in zip(*columns, strict=True)]


def view(index: DatasetIndex, decisions: Decisions) -> DatasetIndex:
    """The dataset as decided: excluded images left out, relabelled ones under their new label.

    Decisions about files that have gone, or whose label has changed since, are passed over.
    """
    made = pd.DataFrame(
        [(one.file, one.given, one.action, one.label) for one in decisions.latest().values()],
        columns=["file", "given", "action", "label"],
    ).set_index("file")
    if made.empty:
        return index
    found = made.reindex(index.table["file"])
    holds = found["given"].to_numpy() == index.table["label"].astype("str").to_numpy()
    action = found["action"].to_numpy()
    relabel = holds & (action == "relabel")
    table = index.table.copy()
    codes = index.label_codes()
    codes[relabel] = [EMOTIONS.index(label) for label in found["label"].to_numpy()[relabel]]
    table["label"] = pd.Categorical.from_codes(codes, pd.Index(list(EMOTIONS)))
    excluded = holds & (action == "exclude")
    notes = index.notes
    if excluded.any() or relabel.any():
        notes += (f"Decisions exclude {excluded.sum():,} images and relabel {relabel.sum():,}.",)
    changed = replace(index, table=table, notes=notes)
    return changed.where(np.asarray(~excluded, np.bool_)) if excluded.any() else changed
