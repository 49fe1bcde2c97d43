"""Validate and keep the averaged weights, and continue training with the plain ones.

Keras' SwapEMAWeights does not fit: it swaps by adding and subtracting, which changed 22 of 32
weights in their last bits, and at the end of a ``fit``, which is every epoch here, it copies the
average over the trained weights.
"""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from fer_core.training.arrays import Samples


class EvaluationWeights:
    """Puts the weights to be evaluated in place, and the trained ones back.

    With ``ema`` these are the optimizer's moving average; with ``refresh`` BatchNorm's averages
    are measured again on ``refresh`` batches, in a fixed order. Without either nothing happens.
    """

    def __init__(  # noqa: PLR0913
        self, model: keras.Model, network: keras.Model, samples: Samples, *,
        ema: bool, refresh: int, batch: int,
    ) -> None:  # fmt: skip
        self.model, self.network, self.samples = model, network, samples
        self.ema, self.refresh, self.batch = ema, refresh, batch
        self._trained: list[npt.NDArray[Any]] = []

    def use(self) -> None:
        """Put the weights to be evaluated in place."""
        if not (self.ema or self.refresh):
            return
        self._trained = self.network.get_weights()
        if self.ema:
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        if self.refresh:
            refresh_batchnorm(self.network, self.samples, self.refresh, self.batch)

    def undo(self) -> None:
        """Put the trained weights back."""
        if self._trained:
            self.network.set_weights(self._trained)


def refresh_batchnorm(network: keras.Model, samples: Samples, batches: int, batch: int) -> None:
    """Set BatchNorm's moving averages to plain means over ``batches`` of training images.

    Dropout does not matter: it comes after the last BatchNorm. Frozen layers keep their averages.
    """
    layers = [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]
    layers = [layer for layer in layers if layer.trainable]
    momenta = [layer.momentum for layer in layers]
    order = np.random.default_rng(0).permutation(len(samples))
    for number in range(min(batches, max(len(samples) // batch, 1))):
        for layer in layers:
            layer.momentum = number / (number + 1)
        rows = order[number * batch : (number + 1) * batch]
        network(samples.pixels[rows].astype(np.float32), training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


class Swap(keras.callbacks.Callback):  # type: ignore[misc]
    """First of the callbacks with ``use``, last but the state's with ``undo``."""

    def __init__(self, weights: EvaluationWeights, *, undo: bool = False) -> None:
        super().__init__()
        self.undo = undo
        self.action = weights.undo if undo else weights.use

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Swap."""
        self.action()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Swap back once more: Keras leaves the average in place at the end of every ``fit``."""
        if self.undo:
            self.action()
