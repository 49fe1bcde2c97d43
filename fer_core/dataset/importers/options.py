"""Options of an import besides its source."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fer_core.system.parallel import Progress


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Options of an import.

    Attributes:
        name: Name of the new dataset; the source's if None. A number is added where it is taken.
        home: The store; see ``store``.
        progress: Called with the files written and the files in all.
        votes: The bytes of a table of FER+ votes to join to the images; see ``vote_table.parse``.
        classes: Emotion of classes with other names; see ``dataset.scan``.
    """

    name: str | None = None
    home: Path | None = None
    progress: Progress | None = None
    votes: bytes | None = None
    classes: Mapping[str, str] | None = None
