"""``dataset.json``: where an imported dataset came from, and what its import left out."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from fer_core.dataset.left_out import LeftOut, sentences
from fer_core.errors import DatasetError
from fer_core.system import files

FILE: Final = "dataset.json"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """Source, notes and omissions of an import.

    Attributes:
        source: Name of the folder or file that was imported.
        notes: Sentences on how it was read.
        left_out: Files and rows that were not imported.
        classes: Emotions that the user gave to class names.
    """

    source: str = ""
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    classes: Mapping[str, str] | None = None

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return the notes and what was left out, each sentence with its source."""
        texts = (*self.notes, *sentences(self.left_out))
        return tuple(f"Imported from {self.source}: {text}" for text in texts)

    def save(self, folder: Path) -> None:
        """Write ``dataset.json`` into the dataset's folder."""
        files.write_json(folder / FILE, {"format": FORMAT, **asdict(self)})


def load(folder: Path) -> ImportRecord | None:
    """Return the record in a dataset's folder; None where there is none that can be read.

    Raises:
        DatasetError: A newer version wrote it.
    """
    try:
        values = json.loads((folder / FILE).read_text("utf-8"))
        if "left_out" not in values:  # a stranger's file of that name
            return None
        files.check_format(values, FORMAT, folder / FILE, DatasetError)
        left_out = tuple(LeftOut.from_dict(each) for each in values["left_out"])
        return ImportRecord(
            str(values["source"]), tuple(map(str, values["notes"])), left_out, values["classes"]
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
