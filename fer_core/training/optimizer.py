"""The optimizer and its learning rate schedule."""

import math
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
    return keras.optimizers.AdamW(rate, **common)


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
