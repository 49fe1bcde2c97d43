"""Write the progress of the epoch twice a second, and a line of metrics after it."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import keras

from fer_core.system.files import write_json
from fer_core.training.callbacks.resume_state import counters_of
from fer_core.training.callbacks.validation import Validation

INTERVAL_S: Final = 0.5


class EpochProgress(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes ``RunFolder.progress``: epoch, step, steps, loss, accuracy, images a second.

    The first steps are written without waiting for the interval, so that a page shows a loss from
    step 1. ``curve`` holds up to ``POINTS`` pairs of step and loss of the epoch.
    """

    POINTS: Final = 120

    def __init__(
        self, file: Path, epochs: int, steps: int, batch_size: int, first_step: int = 0
    ) -> None:
        super().__init__()
        self.file, self.epochs, self.steps = file, epochs, steps
        self.batch_size, self.first_step, self.epoch = batch_size, first_step, 0
        self.started_at = self.written_at = 0.0
        self.curve: list[tuple[int, float]] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self.epoch, self.started_at, self.curve = epoch, time.monotonic(), []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Write, at most twice a second. The pace leaves out the first batch, which compiles."""
        now = time.monotonic()
        if batch == 0:
            self.started_at = now
        if batch and now - self.written_at < INTERVAL_S:
            return
        self.written_at = now
        pace = batch * self.batch_size / max(now - self.started_at, 1e-9) if batch else 0.0
        step = self.first_step + batch + 1
        steps_left = (self.epochs - self.epoch) * self.steps - step
        metrics = {name: round(float(value), 5) for name, value in (logs or {}).items()}
        self._add_point(step, metrics.get("loss"))
        write_json(
            self.file,
            {
                "epoch": self.epoch, "epochs": self.epochs, "step": step, "steps": self.steps,
                "images_per_second": round(pace, 1),
                "seconds_left": round(steps_left * self.batch_size / pace) if pace else None,
                "time": round(time.time(), 1), "curve": self.curve, **metrics,
            },
        )  # fmt: skip

    def _add_point(self, step: int, loss: float | None) -> None:
        if loss is not None:
            self.curve.append((step, loss))
        if len(self.curve) > self.POINTS:
            del self.curve[1::2]


class MetricsLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Appends a line an epoch to ``metrics.jsonl``.

    ``learning_rate`` is the one at the end of the epoch, before ReduceLROnPlateau lowered it;
    ``callbacks`` holds the counters of ``counted``.
    """

    def __init__(
        self, file: Path, validation: Validation, session: int, counted: Sequence[Any]
    ) -> None:
        super().__init__()
        self.file, self.validation, self.session, self.counted = file, validation, session, counted
        self.started_at = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self.started_at = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the line in one call."""
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        rate = metrics.pop("learning_rate", None)  # logged by ReduceLROnPlateau
        line = {
            "epoch": epoch,
            "session": self.session,
            "seconds": round(time.monotonic() - self.started_at, 2),
            "learning_rate": float(self.model.optimizer.learning_rate) if rate is None else rate,
            **{name: round(value, 5) for name, value in metrics.items()},
            "callbacks": counters_of(self.counted),
            **self.validation.detail,
        }
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
