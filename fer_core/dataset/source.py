"""Open a dataset as the user chose it: folder or demo, with votes, decisions and corrections."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from fer_core.dataset import corrections, demo, ferplus, splits
from fer_core.dataset.decisions import Decisions, view
from fer_core.dataset.index import DatasetIndex
from fer_core.dataset.scan import scan
from fer_core.system.parallel import Progress


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """Which dataset is opened, and what is laid over it.

    Attributes:
        data: Its folder, or ``demo``.
        votes: File of FER+ votes, where they are not found in the folder.
        decisions: File of decisions about labels and duplicates to apply.
        corrections: Add the faces that were corrected on the live page.
        names: What other folder names stand for; see ``dataset.scan``.
    """

    data: str
    votes: str | None = None
    decisions: str | None = None
    corrections: bool = False
    names: Mapping[str, str] | None = None

    def open(self, progress: Progress | None = None) -> DatasetIndex:
        """Scan the dataset and apply votes, decisions and corrections.

        A dataset without a validation split gets one.

        Args:
            progress: Called with (done, total) files while the folder is scanned.

        Raises:
            DatasetError: The folder, the votes or the decisions are gone or cannot be read.
        """
        folder = demo.make() if self.data == "demo" else self.data
        index = scan(folder, progress, names=self.names)
        if self.votes:
            index = ferplus.attach(index, Path(self.votes))
        if self.decisions:
            index = view(index, Decisions(Path(self.decisions)))
        index = splits.with_validation(index)
        if self.corrections:
            index = splits.with_extra(index, scan(corrections.folder()))
        return index

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON and YAML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DatasetSource":
        """Return the source of ``to_dict``; other keys are ignored."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})
