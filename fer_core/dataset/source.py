"""Open a dataset as the user chose it: folder or demo, with votes, decisions and corrections."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from fer_core.dataset import class_choices, corrections, demo, ferplus, splits
from fer_core.dataset.decisions import Decisions, view
from fer_core.dataset.index import DatasetIndex
from fer_core.dataset.scan import scan
from fer_core.errors import DatasetError
from fer_core.system.parallel import Progress
from fer_core.system.paths import typed

OLD_FIELDS: Final = {"names": "classes"}
"""Fields of 0.1.0 under their present names: its runs and sweeps still open."""


@dataclass(frozen=True, slots=True)
class DatasetSource:
    """The dataset that is opened, and what is laid over it.

    Attributes:
        data: Its folder, or ``demo``.
        votes: File of FER+ votes, where they are not found in the folder.
        decisions: File of decisions about labels and duplicates to apply.
        corrections: Add the faces that were corrected on the live page.
        classes: Emotion of class folders with other names, ``{"contempt": "disgust"}``, or
            ``none`` to leave one out; see ``dataset.scan``. Without it those given last for the
            folder are used.
    """

    data: str
    votes: str | None = None
    decisions: str | None = None
    corrections: bool = False
    classes: Mapping[str, str] | None = None

    def open(self, progress: Progress | None = None, with_validation: bool = False) -> DatasetIndex:
        """Scan the dataset and apply votes, decisions and corrections.

        Args:
            progress: Called with the files scanned and the files in all.
            with_validation: Give a dataset without a validation split one.

        Raises:
            DatasetError: The folder, the votes or the decisions are missing or cannot be read.
            CancelledError: ``progress`` asked to stop.
        """
        index = self._scan(progress)
        if self.votes:
            index = ferplus.attach(index, Path(self.votes))
        if self.decisions:
            file = Path(self.decisions)
            if not file.is_file():
                raise DatasetError(f"{file}: there is no such file of decisions. Check the path.")
            index = view(index, Decisions(file))
        if with_validation:
            index = splits.with_validation(index)
        if self.corrections:
            index = splits.with_extra(index, scan(corrections.folder()))
        return index

    def _scan(self, progress: Progress | None) -> DatasetIndex:
        """Scan the folder, with the classes of this source or those given the last time."""
        root = demo.make() if self.data == "demo" else typed(self.data, DatasetError).absolute()
        earlier = class_choices.load(root) if self.classes is None else None
        index = scan(root, progress, classes=self.classes or earlier)
        if self.classes:
            class_choices.save(root, self.classes)
        if earlier:
            return replace(index, notes=(*index.notes, class_choices.note(earlier)))
        return index

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON and YAML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DatasetSource":
        """Return the source of ``to_dict``, of 0.1.0 too; other keys are ignored."""
        names = {field.name for field in fields(cls)}
        renamed = {OLD_FIELDS.get(name, name): value for name, value in values.items()}
        return cls(**{name: value for name, value in renamed.items() if name in names})
