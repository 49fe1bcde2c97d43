"""Sharpness-aware minimization (SAM): gradients where the loss nearby is highest.

Each step takes the gradient twice: at the weights, then at the weights moved by ``rho`` along it,
and applies the second. It finds flatter minima for twice the time. Source: Foret et al.,
Sharpness-aware minimization for efficiently improving generalization, 2021.
"""

from typing import Any

import keras

from fer_core.errors import TrainingError


def check_backend() -> None:
    """Raise ``TrainingError`` on other backends than TensorFlow, whose step this is."""
    if keras.backend.backend() != "tensorflow":
        raise TrainingError(
            f"sam needs Keras' backend tensorflow. Received: {keras.backend.backend()}. Set "
            "KERAS_BACKEND=tensorflow, or sam to 0."
        )


class SharpnessAware(keras.Model):  # type: ignore[misc]
    """A functional model that is trained with SAM; ``rho`` is set after construction.

    Dropout and noise are the same in both passes, and BatchNorm's averages follow the first alone.
    """

    rho: float = 0.05

    def train_step(self, data: Any) -> dict[str, Any]:
        """Run one step on ``(x, y, sample_weight)`` and return the metrics."""
        import tensorflow as tf

        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        states = [*self.non_trainable_variables, *self._seeds()]
        initial = [tf.identity(state.value) for state in states]
        y_pred, loss, gradients = self._pass(x, y, sample_weight)
        after = [tf.identity(state.value) for state in states]
        scale = self.rho / (tf.linalg.global_norm(gradients) + 1e-12)
        _assign(states, initial)
        for weight, gradient in zip(self.trainable_weights, gradients, strict=True):
            weight.assign_add(scale * gradient)
        _, _, sharp = self._pass(x, y, sample_weight)
        for weight, gradient in zip(self.trainable_weights, gradients, strict=True):
            weight.assign_sub(scale * gradient)
        _assign(states, after)
        self.optimizer.apply(sharp, self.trainable_weights)
        self._loss_tracker.update_state(loss, sample_weight=tf.shape(next(iter(x.values())))[0])
        return dict(self.compute_metrics(x, y, y_pred, sample_weight=sample_weight))

    def _pass(self, x: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
        """Return predictions, loss and gradients at the present weights."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
        return y_pred, loss, tape.gradient(loss, self.trainable_weights)

    def _seeds(self) -> list[Any]:
        """Return the states of random generators that are not among the variables already."""
        listed = {id(variable) for variable in self.non_trainable_variables}
        return [v for v in self.variables if not v.trainable and id(v) not in listed]


def _assign(states: list[Any], values: list[Any]) -> None:
    for state, value in zip(states, values, strict=True):
        state.assign(value)
