"""Say how far the epoch is, twice a second, and write a line of figures after it."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import keras

from fer_core.system.files import write_json
from fer_core.training.callbacks.resume_state import counters_of
from fer_core.training.callbacks.validation import Validation

EVERY: Final = 0.5
"""Seconds between two notes."""


class Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes ``RunFolder.progress``: epoch, step, steps, loss, accuracy, images a second."""

    def __init__(self, file: Path, epochs: int, steps: int, batch: int, first: int = 0) -> None:
        super().__init__()
        self.file, self.epochs, self.steps = file, epochs, steps
        self.batch, self.first, self.epoch = batch, first, 0
        self.began = self.wrote = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self.epoch, self.began = epoch, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Write, at most twice a second. The first batch is left out of the pace: it compiles."""
        now = time.monotonic()
        if batch == 0:
            self.began = now
        if now - self.wrote < EVERY:
            return
        self.wrote = now
        pace = batch * self.batch / max(now - self.began, 1e-9) if batch else 0.0
        step = self.first + batch + 1
        rest = (self.epochs - self.epoch) * self.steps - step
        numbers = {name: round(float(value), 5) for name, value in (logs or {}).items()}
        write_json(
            self.file,
            {
                "epoch": self.epoch, "epochs": self.epochs, "step": step, "steps": self.steps,
                "images_per_second": round(pace, 1),
                "seconds_left": round(rest * self.batch / pace) if pace else None,
                "time": round(time.time(), 1), **numbers,
            },
        )  # fmt: skip


class MetricsLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Appends a line an epoch to ``metrics.jsonl``.

    ``learning_rate`` is the one at the end of the epoch, before ReduceLROnPlateau had its say;
    ``callbacks`` holds the counters of ``others``.
    """

    def __init__(
        self, file: Path, validation: Validation, burst: int, others: Sequence[Any]
    ) -> None:
        super().__init__()
        self.file, self.validation, self.burst, self.others = file, validation, burst, others
        self.began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self.began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the line in one go."""
        numbers = {name: float(value) for name, value in (logs or {}).items()}
        rate = numbers.pop("learning_rate", None)  # logged by ReduceLROnPlateau
        line = {
            "epoch": epoch,
            "burst": self.burst,
            "seconds": round(time.monotonic() - self.began, 2),
            "learning_rate": float(self.model.optimizer.learning_rate) if rate is None else rate,
            **{name: round(value, 5) for name, value in numbers.items()},
            "callbacks": counters_of(self.others),
            **self.validation.detail,
        }
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
