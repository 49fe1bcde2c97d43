"""Turn logits into probabilities."""

import numpy as np
import numpy.typing as npt

from fer_core.types import Probabilities


def softmax(logits: npt.NDArray[np.float32]) -> Probabilities:
    """Return probabilities, float32 (N, C), from logits (N, C); each row sums to 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
