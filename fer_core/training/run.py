"""The folder of a training run, read without Keras."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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
        """JSON: which dataset, seen how."""
        return self.root / "dataset.json"

    @property
    def environment(self) -> Path:
        """JSON: versions and machine, a list with an entry a burst."""
        return self.root / "environment.json"

    @property
    def metrics(self) -> Path:
        """A line of JSON an epoch."""
        return self.root / "metrics.jsonl"

    @property
    def history(self) -> Path:
        """The same figures as CSV, by Keras' CSVLogger."""
        return self.root / "history.csv"

    @property
    def progress(self) -> Path:
        """JSON: how far the epoch is; ``progress.json`` is the job's."""
        return self.root / "epoch.json"

    @property
    def state(self) -> Path:
        """What going on needs."""
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
        """The lines of ``metrics.jsonl``, one an epoch.

        Where an epoch was repeated, the later; a half-written last line is left out.
        """
        found: dict[int, dict[str, Any]] = {}
        if self.metrics.is_file():
            for line in self.metrics.read_text("utf-8", errors="replace").splitlines():
                try:
                    values = json.loads(line)
                    found[int(values["epoch"])] = values
                except (ValueError, KeyError, TypeError):
                    continue
        return [found[epoch] for epoch in sorted(found)]

    def drop_epochs_from(self, epoch: int) -> None:
        """Take out what was logged of epochs that will be trained again."""
        kept = [line for line in self.epochs() if line["epoch"] < epoch]
        if self.metrics.is_file():
            self.metrics.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
        if self.history.is_file():
            head, *rows = self.history.read_text("utf-8").splitlines() or [""]
            rows = [row for row in rows if row.split(",")[0].isdigit()]
            rows = [row for row in rows if int(row.split(",")[0]) < epoch]
            self.history.write_text("\n".join([head, *rows]) + "\n" if head else "", "utf-8")
