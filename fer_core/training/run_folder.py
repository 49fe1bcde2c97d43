"""The folder of a training run, read without Keras."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fer_core.system.files import write_bytes, write_json
from fer_core.training.config import TrainConfig


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Names in ``runs/<id>/``."""

    root: Path

    @property
    def config(self) -> Path:
        """``TrainConfig`` as YAML."""
        return self.root / "config.yaml"

    @property
    def dataset(self) -> Path:
        """JSON: the dataset and how it is opened; see ``DatasetSource``."""
        return self.root / "dataset.json"

    @property
    def environment(self) -> Path:
        """JSON: versions and machine, a list with an entry a session."""
        return self.root / "environment.json"

    @property
    def metrics(self) -> Path:
        """A line of JSON an epoch."""
        return self.root / "metrics.jsonl"

    @property
    def history(self) -> Path:
        """The same metrics as CSV, by Keras' CSVLogger."""
        return self.root / "history.csv"

    @property
    def progress(self) -> Path:
        """JSON: progress of the epoch; ``progress.json`` is the job's."""
        return self.root / "epoch.json"

    @property
    def state(self) -> Path:
        """The state that resuming needs."""
        return self.root / "state.npz"

    @property
    def best(self) -> Path:
        """The best network so far."""
        return self.root / "best.keras"

    @property
    def model(self) -> Path:
        """The finished model folder."""
        return self.root / "model"

    def epochs(self) -> list[dict[str, Any]]:
        """Return the lines of ``metrics.jsonl``, one an epoch.

        Where an epoch was repeated, the later; a half-written last line is left out.
        """
        lines: dict[int, dict[str, Any]] = {}
        if self.metrics.is_file():
            for line in self.metrics.read_text("utf-8", errors="replace").splitlines():
                try:
                    values = _renamed(json.loads(line))
                    lines[int(values["epoch"])] = values
                except (ValueError, KeyError, TypeError, AttributeError):
                    continue
        return [lines[epoch] for epoch in sorted(lines)]

    def drop_epochs_from(self, epoch: int) -> None:
        """Remove the logs of epochs that will be trained again."""
        lines = [line for line in self.epochs() if line["epoch"] < epoch]
        if self.metrics.is_file():
            text = "".join(json.dumps(line) + "\n" for line in lines)
            write_bytes(self.metrics, text.encode())
        if self.history.is_file():
            head, *rows = self.history.read_text("utf-8").splitlines() or [""]
            rows = [row for row in rows if row.split(",")[0].isdigit()]
            rows = [row for row in rows if int(row.split(",")[0]) < epoch]
            write_bytes(self.history, ("\n".join([head, *rows]) + "\n" if head else "").encode())

    def totals(self) -> list[int]:
        """Return the numbers of epochs that the run was given after its start."""
        return [int(total) for total in _read_json(self.root / "extensions.json").get("totals", [])]

    def extend(self, config: TrainConfig, total: int) -> None:
        """Give the run another number of epochs, also if EarlyStopping ended it."""
        write_json(self.root / "extensions.json", {"totals": [*self.totals(), total]})
        replace(config, epochs=total).save(self.config)

    def sessions(self) -> list[dict[str, Any]]:
        """Return time, machine, versions and a note of every start and resume of the run."""
        environment = _read_json(self.environment)
        return list(environment.get("sessions", environment.get("bursts", [])))

    def epoch_progress(self) -> dict[str, Any]:
        """Return what ``EpochProgress`` has written; empty before the first batch."""
        return _read_json(self.progress)

    def source(self) -> dict[str, Any]:
        """Return the dataset as ``DatasetSource.to_dict``; empty where that cannot be read."""
        return _read_json(self.dataset)

    def write_source(self, values: Mapping[str, Any]) -> None:
        """Write the dataset; see ``DatasetSource.to_dict``."""
        write_json(self.dataset, values)


def _renamed(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line of ``metrics.jsonl`` with the names of version 0.1 replaced."""
    if "burst" in line:
        line["session"] = line.pop("burst")
    for mistake in line.get("mistakes", []):
        if "answer" in mistake:
            mistake["predicted"] = mistake.pop("answer")
    return line


def _read_json(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return {}
