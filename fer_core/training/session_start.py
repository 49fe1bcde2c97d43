"""Begin a session of a run: a first start, or a resume with the config it was saved with."""

import os
import platform
import sys
from datetime import UTC, datetime
from typing import Final

import keras

from fer_core.errors import TrainingError
from fer_core.system.files import sweep_halves, write_json
from fer_core.training.callbacks import resume_state
from fer_core.training.callbacks.resume_state import TrainingState
from fer_core.training.config import TrainConfig, differences
from fer_core.training.run_folder import RunFolder

MAY_CHANGE: Final = frozenset(
    {"epochs", "batch_size", "start", "tensorboard", "early_stopping", "early_stopping_min_delta",
     "reduce_lr", "reduce_lr_factor", "reduce_lr_min"}
)  # fmt: skip
"""Fields that a resumed run may change: the weights trained so far keep their meaning."""


def start(folder: RunFolder) -> TrainingState:
    """Return the state of a new run, and create its folder.

    Raises:
        TrainingError: The folder holds a run.
    """
    if folder.state.exists() or folder.metrics.exists():
        raise TrainingError(
            f"{folder.root} holds a run already. Resume it or choose another folder."
        )
    folder.root.mkdir(parents=True, exist_ok=True)
    return TrainingState()


def resume(folder: RunFolder) -> TrainingState:
    """Return the saved state, and drop what was logged of later epochs.

    Raises:
        TrainingError: It is damaged.
    """
    for file in (folder.state, folder.progress, folder.metrics, folder.history, folder.environment):
        sweep_halves(file)
    if not folder.state.exists():  # ended before its first epoch was saved: nothing to lose
        folder.drop_epochs_from(0)
        return TrainingState()
    state = resume_state.read(folder.state)
    state.session += 1
    if len(folder.totals()) > state.extensions:  # more epochs were asked for
        state.extensions, state.stopped = len(folder.totals()), False
        state.counters.get("EarlyStopping", {})["wait"] = 0
    folder.drop_epochs_from(state.epoch)
    return state


def check_config(config: TrainConfig, state: TrainingState) -> str:
    """Return a sentence on the fields that differ from the last session's; empty without any.

    Raises:
        TrainingError: A field differs that the trained weights depend on.
    """
    if not state.config:
        return ""
    changed = differences(TrainConfig.from_dict(state.config), config)
    words = ", ".join(f"{name} from {old} to {new}" for name, old, new in changed)
    if refused := [name for name, *_ in changed if name not in MAY_CHANGE]:
        raise TrainingError(
            f"the config has changed since this run was saved ({words}). The epochs trained so far "
            f"are of the old {' and '.join(refused)}: undo the change in config.yaml to resume, or "
            "start a new run from this run's model."
        )
    return f"The config was changed: {words}." if words else ""


def note_environment(folder: RunFolder, note: str) -> None:
    """Append versions and machine of a session to ``environment.json``."""
    sessions = folder.sessions()
    sessions.append(
        {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": sys.version.split()[0],
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "note": note,
        }
    )
    write_json(folder.environment, {"sessions": sessions})
