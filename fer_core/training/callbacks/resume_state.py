"""The state that resuming needs: weights, optimizer, random state, metrics, callback counters."""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np

from fer_core.errors import TrainingError
from fer_core.system.files import check_format, write_bytes
from fer_core.system.zip_files import UNREADABLE

COUNTERS: Final = {
    "EarlyStopping": ("wait", "best", "best_epoch", "stopped_epoch"),
    "ReduceLROnPlateau": ("wait", "cooldown_counter", "best"),
    "BestModel": ("best", "best_epoch"),
}
"""Attributes that Keras' callbacks reset at every ``fit``."""


FORMAT: Final = 1


@dataclass(slots=True)
class TrainingState:
    """The position of a run.

    Attributes:
        epoch: The epoch to be trained next, from 0.
        step: Finished batches of it.
        session: Number of resumes so far.
        counters: Callback's name to its counters.
        stopped: EarlyStopping ended the run.
        batch: Images a step so far; 0 before the first.
        extensions: How often the run was given another number of epochs; see ``RunFolder``.
        config: ``TrainConfig.to_dict`` of the last session; empty in states of version 0.1.
    """

    epoch: int = 0
    step: int = 0
    session: int = 0
    counters: dict[str, dict[str, Any]] = field(default_factory=dict)
    stopped: bool = False
    batch: int = 0
    extensions: int = 0
    config: dict[str, Any] = field(default_factory=dict)


def save(file: Path, model: keras.Model, state: TrainingState) -> None:
    """Write the state in one file, by rename."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()
    arrays = {f"v{i}": _array(v) for i, v in enumerate(_variables(model))}
    arrays |= {f"m{i}": _array(v) for i, v in enumerate(model.metrics_variables)}
    values = {name: getattr(state, name) for name in TrainingState.__slots__}
    about = json.dumps({"format": FORMAT, **values})
    arrays["about"] = np.frombuffer(about.encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    write_bytes(file, buffer.getbuffer())


def read(file: Path) -> TrainingState:
    """Return the position of the run, without its weights.

    Raises:
        TrainingError: The file is missing, damaged or of a newer version.
    """
    with _opened(file) as stored:
        about = json.loads(stored["about"].tobytes())
        check_format(about, FORMAT, file, TrainingError)
        about.pop("format", None)
        if "burst" in about:  # the name in version 0.1
            about["session"] = about.pop("burst")
        return TrainingState(**about)


def restore(file: Path, model: keras.Model) -> list[Any]:
    """Put the saved state into ``model``, which must be built and compiled as it was.

    Returns:
        The values of the metrics, for ``SaveState.metrics``.

    Raises:
        TrainingError: The state is of another network or optimizer, missing or damaged.
    """
    variables = _variables(model)
    with _opened(file) as stored:
        values, metrics = _numbered(stored, "v"), _numbered(stored, "m")
    if [value.shape for value in values] != [tuple(v.shape) for v in variables]:
        raise TrainingError(
            f"{file}: the saved state is of another network or optimizer. Was the config "
            "changed? Start a new run for that."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return metrics


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """Open the arrays of a state; any damage becomes a ``TrainingError``."""
    try:
        with file.open("rb") as opened, np.load(opened) as stored:
            yield stored
    except (OSError, KeyError, TypeError, *UNREADABLE) as error:
        raise TrainingError(
            f"{file}: the saved state cannot be read ({error}). Start the run again."
        ) from error


def _numbered(stored: Any, letter: str) -> list[Any]:
    count = sum(name.startswith(letter) for name in stored.files)
    return [stored[f"{letter}{i}"] for i in range(count)]


def _array(variable: Any) -> Any:
    return np.asarray(keras.ops.convert_to_numpy(variable))


def _variables(model: keras.Model) -> list[Any]:
    """Return weights, random seeds and optimizer variables, each once, in a fixed order."""
    model.optimizer.build(model.trainable_variables)
    metrics = {id(variable) for variable in model.metrics_variables}
    variables: dict[int, Any] = {}
    for variable in [*model.variables, *model.optimizer.variables]:
        if id(variable) not in metrics:
            variables.setdefault(id(variable), variable)
    return list(variables.values())


class SaveState(keras.callbacks.Callback):  # type: ignore[misc]
    """Last of the callbacks: restores the counters of the others, and saves after each epoch.

    With ``metrics``, the values of ``model.metrics_variables`` at a pause, an epoch that is resumed
    in the middle ends with the metrics of the whole epoch.
    """

    def __init__(
        self, file: Path, state: TrainingState, callbacks: Sequence[Any], metrics: list[Any]
    ) -> None:
        super().__init__()
        self.file, self.state = file, state
        self.counted = [cb for cb in callbacks if type(cb).__name__ in COUNTERS]
        self.metrics = metrics

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Restore the counters."""
        for callback in self.counted:
            for name, value in self.state.counters.get(type(callback).__name__, {}).items():
                setattr(callback, name, value)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Restore the epoch's metrics."""
        for variable, value in zip(self.model.metrics_variables, self.metrics, strict=False):
            variable.assign(value)
        self.metrics = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Gather the counters and save."""
        self.state.epoch, self.state.step = epoch + 1, 0
        self.state.stopped = bool(self.model.stop_training)
        self.state.counters |= counters_of(self.counted)
        save(self.file, self.model, self.state)


def counters_of(callbacks: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Return the counters of those of ``COUNTERS`` among the callbacks, by callback."""
    kinds = {type(callback).__name__: callback for callback in callbacks}
    return {
        kind: {name: _plain(getattr(kinds[kind], name, None)) for name in names}
        for kind, names in COUNTERS.items()
        if kind in kinds
    }


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else float(value)
