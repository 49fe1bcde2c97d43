"""Targets and weights of the samples, for each head."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from fer_core.balance.class_weights import class_weights, effective_number
from fer_core.labels import EMOTIONS
from fer_core.models.softmax import softmax
from fer_core.training.arrays import Samples
from fer_core.training.config import TrainConfig
from fer_core.types import Floats, Labels

CLASSES: Final = len(EMOTIONS)


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Targets and weights by head.

    Attributes:
        values: float32 (N, 7), one-hot labels or shares of votes; (N, 14) with teachers, whose
            softened probabilities follow.
        weights: float32 (N,), 0 where the head has no label.
        prior: Share of each class among the labels, float32 (7,).
    """

    values: dict[str, Floats]
    weights: dict[str, Floats]
    prior: Floats


def make(
    samples: Samples, config: TrainConfig, teachers: dict[str, Floats] | None = None
) -> Targets:
    """Return the targets of ``samples``; ``teachers`` has logits float32 (N, 7) by head."""
    counts = samples.counts()
    one_hot = np.eye(CLASSES, dtype=np.float32)[samples.labels]
    values = {"fer2013": one_hot}
    weights = {"fer2013": weights_of(counts, config)[samples.labels]}
    if "ferplus" in config.heads and samples.votes is not None:
        values["ferplus"] = samples.votes
        has_votes = samples.votes.any(axis=1).astype(np.float32)
        weights["ferplus"] = np.asarray(has_votes * config.ferplus_weight, np.float32)
    values = {name: values[name] for name in config.heads}
    weights = {name: weights[name].astype(np.float32) for name in config.heads}
    for name, logits in (teachers or {}).items():
        soft = softmax(np.asarray(logits / config.distill_temperature, np.float32))
        values[name] = np.concatenate([values[name], soft], axis=1)
    return Targets(values, weights, (counts / counts.sum()).astype(np.float32))


def weights_of(counts: Labels, config: TrainConfig) -> Floats:
    """Return the weight of each class, float32 (7,), from counts int64 (7,)."""
    by_class = dict(zip(EMOTIONS, counts.tolist(), strict=True))
    weights = np.ones(CLASSES, np.float32)
    if config.class_weights == "balanced":
        weights = _array(class_weights(by_class))
    elif config.class_weights == "effective":
        weights = effective_weights(counts, config.effective_beta)
    if config.loss == "class_balanced":
        weights = np.asarray(weights * effective_weights(counts, config.effective_beta), np.float32)
    return weights


def effective_weights(counts: Labels, beta: float) -> Floats:
    """Return one over the effective number of samples of each class, float32 (7,).

    Scaled to a mean of 1 over the classes present; ``counts`` is int64 (7,).
    Source: Cui et al., Class-balanced loss based on effective number of samples, 2019.
    """
    present = counts > 0
    numbers = np.array([effective_number(int(n), beta) if n else np.inf for n in counts])
    raw = 1 / numbers
    return np.asarray(raw / raw[present].mean(), np.float32)


def _array(by_class: dict[str, float]) -> Floats:
    return np.array([by_class[name] for name in EMOTIONS], np.float32)
