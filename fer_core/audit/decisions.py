"""What a person decided about images: kept in a CSV, applied as a view, never to the files."""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from fer_core import files
from fer_core.dataset.index import DatasetIndex
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS
from fer_core.settings import settings

ACTIONS: Final = ("keep", "relabel", "exclude")
COLUMNS: Final = ("file", "given", "action", "label", "reason")


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision.

    Attributes:
        file: The image, as the index names it.
        given: Its label in the dataset.
        action: ``keep`` (looked at and right), ``relabel`` or ``exclude``.
        label: The new label where ``action`` is ``relabel``, else empty.
        reason: What drew attention to it: ``copy``, ``label`` or ``picture``.

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


class Decisions:
    """The decisions about one dataset, in the order they were made; each is written at once.

    A later decision about an image replaces the earlier one.
    """

    def __init__(self, file: Path) -> None:
        """Open ``file``; it is made with the first decision.

        Raises:
            DatasetError: The file cannot be read or is damaged.
        """
        self.file = file
        self._made: list[list[Decision]] = []  # what one click decided
        if file.is_file():
            try:
                self._made = [[one] for one in parse(file.read_bytes())]
            except (OSError, DatasetError) as error:
                raise DatasetError(f"{file}: {error} Correct it or take it away.") from error

    def __len__(self) -> int:
        return len(self.latest())

    def latest(self) -> dict[str, Decision]:
        """The decision that holds for each image."""
        return {one.file: one for click in self._made for one in click}

    def add(self, decisions: Iterable[Decision]) -> None:
        """Decide about one or several images at once.

        Raises:
            DatasetError: The file cannot be written.
        """
        click = list(decisions)
        if click:
            self._made.append(click)
            self._save()

    def undo(self) -> int:
        """Take back the last click; the number of images it had decided about."""
        if not self._made:
            return 0
        click = self._made.pop()
        self._save()
        return len(click)

    def encode(self) -> bytes:
        """As CSV with the columns ``COLUMNS``."""
        rows = [[getattr(one, name) for name in COLUMNS] for one in self.latest().values()]
        return pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(index=False).encode()

    def _save(self) -> None:
        try:
            files.write_bytes(self.file, self.encode())
        except OSError as error:
            raise DatasetError(
                f"{self.file} cannot be written ({error.strerror}). The decision is not kept."
            ) from error


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
        table = pd.read_csv(io.BytesIO(data), dtype="str", keep_default_na=False)
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
    changed = DatasetIndex(index.root, table, index.thumbs, index.notes, index.votes)
    excluded = holds & (action == "exclude")
    return changed.where(np.asarray(~excluded, np.bool_)) if excluded.any() else changed
