"""Keras' own callbacks, as a config asks for them."""

from collections.abc import Sequence

import keras

from fer_core.training.config import TrainConfig
from fer_core.training.run_folder import RunFolder


def make(config: TrainConfig, folder: RunFolder) -> list[keras.callbacks.Callback]:
    """Return CSVLogger and the callbacks that ``config`` turns on."""
    mode = "min" if config.monitor.endswith("loss") else "max"
    callbacks: list[keras.callbacks.Callback] = [
        keras.callbacks.CSVLogger(folder.history, append=True)
    ]
    if config.early_stopping:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                config.monitor, config.early_stopping_min_delta, config.early_stopping, mode=mode
            )
        )
    if config.reduce_lr:
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                config.monitor, config.reduce_lr_factor, config.reduce_lr, mode=mode,
                min_lr=config.reduce_lr_min, min_delta=config.early_stopping_min_delta,
            )
        )  # fmt: skip
    if config.tensorboard:
        callbacks.append(
            keras.callbacks.TensorBoard(folder.root / "tensorboard", write_graph=False)
        )
    return callbacks


def close(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Close their files where ``fit`` was left by an exception: Keras does not call them then."""
    for callback in callbacks:
        has_file = isinstance(callback, (keras.callbacks.CSVLogger, keras.callbacks.TensorBoard))
        if has_file and callback.model is not None:
            callback.on_train_end()
