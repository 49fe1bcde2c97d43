"""The optimizer and its learning rate schedule."""

import math
from collections.abc import Sequence
from typing import Any, Final

import keras
from keras import ops

from fer_core.training.config import TrainConfig

START: Final = 0.01
END: Final = 0.001
"""Shares of the highest rate at which the schedule starts and ends."""


def make(config: TrainConfig, per_epoch: int, heads_only: bool) -> keras.optimizers.Optimizer:
    """Return the optimizer of a phase: heads only at the full rate, or all layers on schedule."""
    rate: Any = config.learning_rate
    if config.schedule == "cosine" and not heads_only:
        total = per_epoch * (config.epochs - config.head_epochs)
        warmup = min(max(round(config.warmup_epochs * per_epoch), 1), max(total - 1, 1))
        rate = Cosine(rate, warmup, max(total - warmup, 1))
    common = {"weight_decay": config.weight_decay, "use_ema": config.ema > 0}
    common |= {"ema_momentum": config.ema} if config.ema else {}
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **common)
    is_fused = keras.backend.backend() == "tensorflow"
    return (FusedAdamW if is_fused else keras.optimizers.AdamW)(rate, **common)


class FusedAdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """Keras' AdamW with two operations a variable, for TensorFlow: the same values and variables.

    Keras' own builds about thirty for each, and the rate's schedule anew for the weight decay of
    each: most of the graph of a step, which TensorFlow traces before the first batch.
    """

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        share = ops.convert_to_tensor(self.learning_rate) * self.weight_decay
        for variable in variables:
            if self._use_weight_decay(variable):
                variable.value.assign_sub(variable.value * share)

    def _backend_update_step(
        self, grads: Sequence[Any], trainable_variables: Sequence[Any], learning_rate: Any
    ) -> None:
        from tensorflow import raw_ops

        step = ops.cast(self.iterations + 1, "float32")
        shared = {
            "beta1": self.beta_1, "beta1_power": ops.power(self.beta_1, step),
            "beta2": self.beta_2, "beta2_power": ops.power(self.beta_2, step),
            "epsilon": self.epsilon, "lr": ops.convert_to_tensor(learning_rate),
        }  # fmt: skip
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            index = self._get_variable_index(variable)
            raw_ops.ResourceApplyAdam(
                var=variable.value.handle,
                m=self._momentums[index].value.handle,
                v=self._velocities[index].value.handle,
                grad=gradient,
                **shared,
            )


class Cosine(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Linear warm-up, then a cosine down to a thousandth (Loshchilov & Hutter, 2017).

    The values of Keras' ``CosineDecay``, whose branches the optimizer builds again for the weight
    decay of every variable: 6 s more until the first batch of MobileNetV2.
    """

    def __init__(self, highest: float, warmup: int, decay: int) -> None:
        self.highest, self.warmup, self.decay = highest, warmup, decay

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, counted from 0."""
        step = ops.cast(step, "float32")
        rising = START + (1 - START) * step / self.warmup
        progress = ops.clip((step - self.warmup) / self.decay, 0, 1)
        falling = END + (1 - END) * 0.5 * (1 + ops.cos(math.pi * progress))
        return self.highest * ops.where(step < self.warmup, rising, falling)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as Keras asks of schedules."""
        return {"highest": self.highest, "warmup": self.warmup, "decay": self.decay}
