"""Keras' own callbacks, as a config asks for them."""

from collections.abc import Sequence

import keras

from fer_core.training.config import TrainConfig
from fer_core.training.run_folder import RunFolder


def make(config: TrainConfig, folder: RunFolder) -> list[keras.callbacks.Callback]:
    """CSVLogger, and those that ``config`` turns on."""
    mode = "min" if config.monitor.endswith("loss") else "max"
    found: list[keras.callbacks.Callback] = [keras.callbacks.CSVLogger(folder.history, append=True)]
    if config.early_stopping:
        found.append(
            keras.callbacks.EarlyStopping(
                config.monitor, config.early_stopping_min_delta, config.early_stopping, mode=mode
            )
        )
    if config.reduce_lr:
        found.append(
            keras.callbacks.ReduceLROnPlateau(
                config.monitor, config.reduce_lr_factor, config.reduce_lr, mode=mode,
                min_lr=config.reduce_lr_min, min_delta=config.early_stopping_min_delta,
            )
        )  # fmt: skip
    if config.tensorboard:
        found.append(keras.callbacks.TensorBoard(folder.root / "tensorboard", write_graph=False))
    return found


def close(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Close their files where ``fit`` was left by an exception: it tells nobody of such an end."""
    for one in callbacks:
        keeps_a_file = isinstance(one, (keras.callbacks.CSVLogger, keras.callbacks.TensorBoard))
        if keeps_a_file and one.model is not None:
            one.on_train_end()
