"""Labels of a collection: a log that nothing is ever removed from, and what holds by it.

Two people may label at the same time. Each entry names the label that its labeller saw. Where two
labelled a face differently without seeing one another, both labels are kept as a conflict, and the
face is in no dataset until somebody who saw the conflict decides.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from fer_core.collect import append_log
from fer_core.collect.collection import Collection, suggested, suggestions
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS, emotion_named
from fer_core.system import csv_files
from fer_core.system.files import reading
from fer_core.types import Numbers

LOG: Final = "labels.jsonl"
METHODS: Final = {
    "hand": "by hand", "suggestion": "suggestion taken", "webcam": "held a button at the webcam",
    "correction": "corrected by hand", "folder": "name of the folder", "table": "table of labels",
}  # fmt: skip
"""Ways in which a label came about."""

SKIP, UNDO = "skip", "undo"
CONFLICT: Final = "?"
"""The label that a labeller sees on a face with a conflict."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold one line of the log.

    Attributes:
        file: The face.
        label: One of ``EMOTIONS``; empty for a skip, or for an undo back to no label.
        method: A key of ``METHODS``, ``SKIP`` or ``UNDO``.
        by: Name of the labeller.
        was: The label that the labeller saw on it; empty for none, ``CONFLICT`` for several.
        id: Tells an entry that was sent twice; empty for none.

    Raises:
        DatasetError: The label or the way is not allowed.
    """

    file: str
    label: str
    method: str = "hand"
    by: str = ""
    was: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        if self.label not in (*EMOTIONS, "") or self.method not in (*METHODS, SKIP, UNDO):
            raise DatasetError(
                f"{self.file}: a label is one of {', '.join(EMOTIONS)}, given by "
                f"{', '.join(METHODS)}. Received: {self.label!r} by {self.method!r}."
            )


@dataclass(slots=True)
class State:
    """The labels that stand for one face.

    Attributes:
        claims: Each label that stands, with its entry; several are a conflict.
        skipped: Somebody passed over it.
    """

    claims: dict[str, Entry] = field(default_factory=dict)
    skipped: bool = False

    @property
    def label(self) -> str:
        """The label; empty for none, ``CONFLICT`` for several."""
        if len(self.claims) > 1:
            return CONFLICT
        return next(iter(self.claims), "")

    @property
    def entry(self) -> Entry | None:
        """The entry of the one label that holds."""
        return next(iter(self.claims.values())) if len(self.claims) == 1 else None

    def apply(self, entry: Entry) -> None:
        """Change what holds by one more entry."""
        if entry.method == SKIP:
            self.skipped = True
            return
        if entry.was == self.label:  # the labeller saw what stood there
            self.claims = {entry.label: entry} if entry.label else {}
            return
        previous = self.claims.get(entry.was)
        if previous and (previous.by == entry.by or not entry.label):
            del self.claims[entry.was]  # the labeller's own label of before
        if entry.label:
            self.claims.setdefault(entry.label, entry)


def add(collection: Collection, entries: Sequence[Entry]) -> None:
    """Append entries to the log; returns when they would survive a loss of power.

    Raises:
        DatasetError: They cannot be written; none of them is.
    """
    append_log.append(collection.folder / LOG, [asdict(entry) for entry in entries])


def entries(collection: Collection) -> list[Entry]:
    """Return the log, each entry once; lines that this version does not understand are passed."""
    names = {each.name for each in fields(Entry)}
    result, ids = [], set()
    for row in append_log.read(collection.folder / LOG):
        try:
            entry = Entry(**{name: str(value) for name, value in row.items() if name in names})
        except (DatasetError, TypeError):
            continue
        if entry.id and entry.id in ids:
            continue
        ids.add(entry.id)
        result.append(entry)
    return result


def fold(log: Iterable[Entry]) -> dict[str, State]:
    """Return what holds for each face that the log names."""
    states: dict[str, State] = {}
    for entry in log:
        states.setdefault(entry.file, State()).apply(entry)
    return states


def states(collection: Collection) -> dict[str, State]:
    """Return what holds for each face that was labelled or skipped."""
    return fold(entries(collection))


def label_table(faces: pd.DataFrame, held: Mapping[str, State]) -> pd.DataFrame:
    """Return ``label``, ``method`` and ``by`` of each face; empty texts where none or several hold.

    Args:
        faces: See ``Collection.faces``.
        held: See ``states``.
    """
    rows = []
    for file in faces["file"]:
        entry = held[file].entry if file in held else None
        rows.append((entry.label, entry.method, entry.by) if entry else ("", "", ""))
    return pd.DataFrame(rows, columns=["label", "method", "by"], index=faces.index, dtype="str")


def conflicts(held: Mapping[str, State]) -> dict[str, State]:
    """Return the faces with several labels."""
    return {file: state for file, state in held.items() if state.label == CONFLICT}


def agreement(faces: pd.DataFrame, labels: pd.DataFrame) -> Numbers:
    """Return counts float64 (7, 7): rows are labels, columns what the model had suggested.

    Args:
        faces: See ``Collection.faces``.
        labels: See ``label_table``.
    """
    counts = np.zeros((len(EMOTIONS), len(EMOTIONS)))
    for label, suggestion in zip(labels["label"], suggested(faces), strict=True):
        if label:
            counts[EMOTIONS.index(label), EMOTIONS.index(suggestion)] += 1
    return counts


def take_suggestions(collection: Collection, least: float, by: str) -> int:
    """Label the faces without a label as the model suggests; return their number.

    Args:
        collection: The faces.
        least: Least confidence of a suggestion that is taken, 0..1.
        by: Name of the labeller.
    """
    faces, held = collection.faces(), states(collection)
    confidence = suggestions(faces).max(axis=1, initial=0)
    accepted = {
        file: emotion
        for file, emotion, value in zip(faces["file"], suggested(faces), confidence, strict=True)
        if value >= least and not (file in held and held[file].claims)
    }
    add(collection, by_file(accepted, "suggestion", by))
    return len(accepted)


def take_table(collection: Collection, file: Path, by: str) -> int:
    """Label faces by a CSV with the columns ``file`` (photo or crop) and ``label``.

    Args:
        collection: The faces.
        file: The table.
        by: Name of the labeller.

    Returns:
        The number of faces that it names.

    Raises:
        DatasetError: It cannot be read, lacks a column, or has a label that is no emotion.
    """
    with reading(file, DatasetError):
        data = file.read_bytes()
    try:
        rows = csv_files.table(data, ("file", "label"), dtype="str")
        names, texts = rows["file"].tolist(), rows["label"].astype(str).tolist()
    except (ValueError, KeyError) as error:
        raise DatasetError(f"{file}: it needs the columns file and label ({error}).") from error
    emotions = {name: emotion_named(text) for name, text in zip(names, texts, strict=True)}
    if unknown := sorted({text for text in texts if emotion_named(text) is None}):
        raise DatasetError(f"{file}: {', '.join(unknown[:5])}: no emotion. Correct the table.")
    faces = collection.faces()
    pairs = zip(faces["file"], faces["source"], strict=True)
    labelled = {crop: emotions.get(crop) or emotions.get(source) for crop, source in pairs}
    entries = by_file({crop: label for crop, label in labelled.items() if label}, "table", by)
    add(collection, entries)
    return len(entries)


def by_file(values: Mapping[str, str], method: str, by: str) -> list[Entry]:
    """Return an entry for each file and label that is known already."""
    return [Entry(file, label, method, by) for file, label in values.items()]


def parse(rows: Iterable[Mapping[str, Any]], by: str) -> list[Entry]:
    """Return the entries that a browser sent; what it may not set is left out.

    Raises:
        DatasetError: A row is no entry.
    """
    try:
        return [
            Entry(str(row["file"]), str(row["label"]), str(row["method"]), by, str(row["was"]),
                  str(row["id"]))
            for row in rows
        ]  # fmt: skip
    except (KeyError, TypeError) as error:
        raise DatasetError(f"The page sent a label without {error}. Reload the page.") from error
