"""A run's saved state that is damaged or of a newer version is told in a sentence."""

import json
from pathlib import Path

import numpy as np
import pytest

from fer_core.errors import TrainingError
from fer_core.training.callbacks import resume_state


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
