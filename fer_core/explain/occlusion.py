"""Cover parts of a face and see what changes: it works with every network.

Where a network's last map is small, each of its places has seen the whole face, and a map of those
places says little of where in the face the evidence is. Covering says it directly.
Source: Zeiler and Fergus, Visualizing and understanding convolutional networks, 2014.
"""

from typing import Final

import numpy as np

from fer_core.explain.cam import Maps
from fer_core.models.classifier import EmotionClassifier
from fer_core.types import Pixels

STEPS: Final = 7
SHARE: Final = 0.3
"""Side of the cover as a share of the face's: an eye, or half of a mouth."""


def covering_map(classifier: EmotionClassifier, crop: Pixels, emotion: int) -> Maps:
    """How much an emotion loses when a grey square covers each part.

    Counted in log-odds, so that a loss shows even where the network is all but certain.

    Args:
        classifier: Asked ``STEPS`` squared times and once more, in batches.
        crop: uint8 (H, W) or (H, W, 3).
        emotion: Place in ``EMOTIONS``.

    Returns:
        float32 (STEPS, STEPS); the square's middle moves from corner to corner.
    """
    height, width = crop.shape[:2]
    tall, wide = max(round(height * SHARE), 1), max(round(width * SHARE), 1)
    covered = [crop]
    for middle_y in np.linspace(0, height, STEPS):
        for middle_x in np.linspace(0, width, STEPS):
            top, left = round(middle_y - tall / 2), round(middle_x - wide / 2)
            part = crop.copy()
            part[max(top, 0) : top + tall, max(left, 0) : left + wide] = round(crop.mean())
            covered.append(part)
    chance = np.clip(classifier.predict(covered)[:, emotion], 1e-6, 1 - 1e-6)
    odds = np.log(chance / (1 - chance))
    return np.asarray(odds[0] - odds[1:], np.float32).reshape(STEPS, STEPS)
