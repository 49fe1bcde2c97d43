"""A run's saved state that is damaged or of a newer version is told in a sentence."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from fer_core.errors import TrainingError
from fer_core.training import session_start
from fer_core.training.callbacks import resume_state
from fer_core.training.config import TrainConfig, differences
from fer_core.training.run_folder import RunFolder


def test_a_damaged_state_is_a_training_error(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(40)])
    model.compile("adam", "mse")
    file = tmp_path / "state.npz"
    resume_state.save(file, model, resume_state.TrainingState(epoch=3))
    assert resume_state.read(file).epoch == 3
    with np.load(file) as stored:
        arrays = dict(stored)
    about = json.loads(arrays["about"].tobytes())
    later = json.dumps({**about, "format": about["format"] + 1}).encode()
    np.savez(tmp_path / "later.npz", **{**arrays, "about": np.frombuffer(later, np.uint8)})
    with pytest.raises(TrainingError, match="written by a newer version of FER Studio"):
        resume_state.read(tmp_path / "later.npz")
    whole = file.read_bytes()
    at = whole.index(np.asarray(model.weights[0]).tobytes()[:40])
    file.write_bytes(whole[:at] + b"damaged" + whole[at + 7 :])
    with pytest.raises(TrainingError, match="the saved state cannot be read"):
        resume_state.restore(file, model)
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match="the saved state cannot be read"):
        resume_state.read(file)


BASE = {
    "start": "scratch", "schedule": "constant", "teachers": ["a"], "teacher_weights": [1.0],
    "small_size": 32, "small_epochs": 1,
}  # fmt: skip
OTHER = {
    "start": "mobilenetv2", "architecture": "mobilenet", "input_size": 128, "channels": 3,
    "heads": ["fer2013"], "loss": "focal", "class_weights": "balanced", "teachers": ["b"],
    "teacher_weights": [2.0], "optimizer": "sgd", "schedule": "cosine", "small_size": 64,
    "monitor": "val_loss",
}  # fmt: skip


def other(name: str, value: object) -> object:
    """Another value that the field may have."""
    if name in OTHER:
        return OTHER[name]
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else value * 0.8 + 0.01


def changed(config: TrainConfig, name: str) -> TrainConfig:
    values = config.to_dict()
    outer, _, inner = name.rpartition(".")
    group = values[outer] if outer else values
    group[inner] = other(inner, group[inner])
    return TrainConfig.from_dict(values)


FIELDS = [f"augmentation.{name}" for name in TrainConfig().to_dict()["augmentation"]]
FIELDS += [name for name in TrainConfig().to_dict() if name not in {"augmentation", "version"}]


def test_every_field_that_changes_between_two_sessions_is_refused_or_noted() -> None:
    """A change in ``config.yaml`` by hand; none may go by without a word."""
    config = TrainConfig.from_dict(BASE)
    state = resume_state.TrainingState(epoch=1, config=config.to_dict())
    assert session_start.check_config(config, state) == ""
    assert set(FIELDS) >= session_start.MAY_CHANGE
    for name in FIELDS:
        new = changed(config, name)
        assert [field for field, *_ in differences(config, new)] == [name]
        if name in session_start.MAY_CHANGE:
            note = session_start.check_config(new, state)
            assert note.startswith(f"The config was changed: {name} from ")
        else:
            words = rf"{re.escape(name)} from .* undo the change in config\.yaml"
            with pytest.raises(TrainingError, match=words):
                session_start.check_config(new, state)


def test_halves_that_a_killed_session_left_are_swept(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    kept = tmp_path / ".state.npz-mine"
    for name in (".state.npz-0123456789abcdef", ".epoch.json-00000000000000ff", kept.name):
        (tmp_path / name).write_bytes(b"half")
    session_start.resume(folder)
    assert list(tmp_path.iterdir()) == [kept]
