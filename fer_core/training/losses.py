"""Losses on logits and soft targets. Each gives one value a sample, float32 (B,).

``targets`` (B, 7) sum to 1, ``logits`` (B, 7) are raw.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from fer_core.training.config import TrainConfig
from fer_core.training.targets import CLASSES
from fer_core.types import Floats


def cross_entropy(targets: Any, logits: Any, smoothing: float = 0.0) -> Any:
    """Return Keras' cross-entropy of logits, float32 (B,), with label smoothing."""
    return keras.losses.categorical_crossentropy(
        targets, logits, from_logits=True, label_smoothing=smoothing
    )


def focal(targets: Any, logits: Any, gamma: float) -> Any:
    """Return ``-sum(t (1 - p)^gamma log p)``, float32 (B,) (Lin et al., Focal loss, 2017).

    Keras' ``categorical_focal_crossentropy`` clips p at 1e-7: a sample whose true class is 17
    logits behind gets no gradient there, and -1 here.
    """
    log_p = ops.log_softmax(logits, axis=-1)
    return -ops.sum(targets * (1 - ops.exp(log_p)) ** gamma * log_p, axis=-1)


def logit_adjusted(
    targets: Any, logits: Any, prior: Floats, strength: float, smoothing: float = 0.0
) -> Any:
    """Return the cross-entropy of ``logits + strength * log prior``, float32 (B,).

    Rare classes need less evidence once the prior is left out again. Source: Menon et al.,
    Long-tail learning via logit adjustment, 2021.

    Args:
        targets: Float (B, 7), each row sums to 1.
        logits: Float (B, 7).
        prior: Float32 (7,), share of each class.
        strength: Factor of the log prior.
        smoothing: Label smoothing.
    """
    shift = strength * np.log(np.maximum(prior, 1e-6))
    shifted = logits + ops.convert_to_tensor(shift.astype(np.float32))
    return cross_entropy(targets, shifted, smoothing)


def distillation(soft: Any, logits: Any, temperature: float) -> Any:
    """Return ``T^2`` times the cross-entropy with the teachers (Hinton et al., 2015).

    Args:
        soft: Float (B, 7), the teachers' probabilities at the temperature ``T``.
        logits: Float (B, 7).
        temperature: ``T``.
    """
    return temperature**2 * cross_entropy(soft, logits / temperature)


class HeadLoss(keras.losses.Loss):  # type: ignore[misc]
    """The loss of one head; targets (B, 7), or (B, 14) with the teachers' probabilities behind.

    The dataset's labels take ``config.loss`` and smoothing; votes are soft already and take plain
    cross-entropy.
    """

    def __init__(self, head: str, config: TrainConfig, prior: Floats) -> None:
        super().__init__(name=f"{head}_loss")
        self.head, self.config, self.prior = head, config, prior

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one value a sample, float32 (B,)."""
        config, targets = self.config, y_true[:, :CLASSES]
        is_votes = self.head == "ferplus"
        loss = cross_entropy(targets, y_pred) if is_votes else self._labels(targets, y_pred)
        if y_true.shape[-1] == CLASSES:
            return loss
        taught = distillation(y_true[:, CLASSES:], y_pred, config.distill_temperature)
        return (1 - config.distill_weight) * loss + config.distill_weight * taught

    def _labels(self, targets: Any, logits: Any) -> Any:
        config, smoothing = self.config, self.config.label_smoothing
        if config.loss == "focal":
            smoothed = targets * (1 - smoothing) + smoothing / CLASSES
            return focal(smoothed, logits, config.focal_gamma)
        if config.loss == "logit_adjusted":
            strength = config.logit_adjustment
            return logit_adjusted(targets, logits, self.prior, strength, smoothing)
        return cross_entropy(targets, logits, smoothing)


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return 1 where the likeliest class is that of the target, else 0: float32 (B,).

    Args:
        y_true: Float (B, 7), or (B, 14) with the teachers' probabilities behind.
        y_pred: Float (B, 7).
    """
    return keras.metrics.categorical_accuracy(y_true[:, :CLASSES], y_pred)
