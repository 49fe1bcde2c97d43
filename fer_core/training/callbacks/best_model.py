"""Keep the best network on disk; the file is complete at every moment."""

from pathlib import Path

import keras


class BestModel(keras.callbacks.ModelCheckpoint):  # type: ignore[misc]
    """Keras' ModelCheckpoint of ``network``, by rename: a kill leaves no incomplete file.

    ``best_epoch`` is the epoch of the file, -1 before the first.
    """

    def __init__(self, network: keras.Model, file: Path, monitor: str) -> None:
        self.file, self.part = file, file.with_name("part.keras")
        mode = "min" if monitor.endswith("loss") else "max"
        super().__init__(self.part, monitor=monitor, mode=mode, save_best_only=True)
        self.network, self.best_epoch = network, -1

    def set_model(self, model: keras.Model) -> None:
        """Save the network, not the training model around it."""
        super().set_model(self.network)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Save if better, then rename; an incomplete file is left by a kill."""
        self.part.unlink(missing_ok=True)
        super().on_epoch_end(epoch, logs)
        if self.part.exists():
            self.part.replace(self.file)
            self.best_epoch = epoch
