"""Losses on logits and soft targets. Each gives one value a picture, float32 (B,).

``targets`` (B, 7) sum to 1, ``logits`` (B, 7) are raw.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from fer_core.training.config import TrainConfig
from fer_core.training.targets import CLASSES, Floats


def smooth(targets: Any, share: float) -> Any:
    """Spread ``share`` of each target evenly (Szegedy et al., 2016)."""
    return targets * (1 - share) + share / CLASSES


def cross_entropy(targets: Any, logits: Any) -> Any:
    """``-sum(t log p)``."""
    return -ops.sum(targets * ops.log_softmax(logits, axis=-1), axis=-1)


def focal(targets: Any, logits: Any, gamma: float) -> Any:
    """``-sum(t (1 - p)^gamma log p)`` (Lin et al., Focal loss, 2017)."""
    log_p = ops.log_softmax(logits, axis=-1)
    return -ops.sum(targets * (1 - ops.exp(log_p)) ** gamma * log_p, axis=-1)


def logit_adjusted(targets: Any, logits: Any, prior: Floats, strength: float) -> Any:
    """Cross-entropy of ``logits + strength * log prior``.

    Rare classes need less evidence once the prior is left out again. Source: Menon et al.,
    Long-tail learning via logit adjustment, 2021.
    """
    shift = strength * np.log(np.maximum(prior, 1e-6))
    return cross_entropy(targets, logits + ops.convert_to_tensor(shift.astype(np.float32)))


def distillation(soft: Any, logits: Any, temperature: float) -> Any:
    """``T^2`` times the cross-entropy with the teachers' softened answers (Hinton et al., 2015)."""
    return temperature**2 * cross_entropy(soft, logits / temperature)


class ReadingLoss(keras.losses.Loss):  # type: ignore[misc]
    """The loss of one reading; targets (B, 7), or (B, 14) with the teachers' answers behind.

    The dataset's labels take ``config.loss`` and smoothing; votes are soft already and take plain
    cross-entropy.
    """

    def __init__(self, head: str, config: TrainConfig, prior: Floats) -> None:
        super().__init__(name=f"{head}_loss")
        self.head, self.config, self.prior = head, config, prior

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One value a picture."""
        config, targets = self.config, y_true[:, :CLASSES]
        own = cross_entropy(targets, y_pred) if self.head == "ferplus" else (
            self._labels(smooth(targets, config.label_smoothing), y_pred)
        )  # fmt: skip
        if y_true.shape[-1] == CLASSES:
            return own
        taught = distillation(y_true[:, CLASSES:], y_pred, config.distill_temperature)
        return (1 - config.distill_weight) * own + config.distill_weight * taught

    def _labels(self, targets: Any, logits: Any) -> Any:
        if self.config.loss == "focal":
            return focal(targets, logits, self.config.focal_gamma)
        if self.config.loss == "logit_adjusted":
            return logit_adjusted(targets, logits, self.prior, self.config.logit_adjustment)
        return cross_entropy(targets, logits)


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Share of pictures whose likeliest class is that of the target, float32 (B,)."""
    right = ops.argmax(y_true[:, :CLASSES], axis=-1) == ops.argmax(y_pred, axis=-1)
    return ops.cast(right, "float32")
