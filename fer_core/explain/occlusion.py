"""Occlusion maps: cover parts of a face and measure what changes; for every network.

Source: Zeiler and Fergus, Visualizing and understanding convolutional networks, 2014.
"""

from typing import Final

import numpy as np

from fer_core.models.classifier import EmotionClassifier
from fer_core.types import Floats, Pixels

STEPS: Final = 7
"""Positions of the cover along each side."""

SHARE: Final = 0.3
"""Side of the cover as a share of the face's: an eye, or half of a mouth."""


def occlusion_map(classifier: EmotionClassifier, crop: Pixels, emotion: int) -> Floats:
    """Return how much an emotion loses when a grey square covers each part of a face.

    Counted in log-odds, so that a loss shows even where the network is all but certain.

    Args:
        classifier: Runs on ``STEPS`` squared crops and one more, in batches.
        crop: uint8 (H, W) or (H, W, 3).
        emotion: Position in ``EMOTIONS``.

    Returns:
        float32 (STEPS, STEPS), in log-odds; the square's centre moves from corner to corner.
    """
    height, width = crop.shape[:2]
    cover_height, cover_width = (max(round(side * SHARE), 1) for side in (height, width))
    crops = [crop]
    for center_y in np.linspace(0, height, STEPS):
        for center_x in np.linspace(0, width, STEPS):
            top, left = round(center_y - cover_height / 2), round(center_x - cover_width / 2)
            covered = crop.copy()
            rows = slice(max(top, 0), top + cover_height)
            covered[rows, max(left, 0) : left + cover_width] = round(crop.mean())
            crops.append(covered)
    probability = np.clip(classifier.predict(crops)[:, emotion], 1e-6, 1 - 1e-6)
    odds = np.log(probability / (1 - probability))
    return np.asarray(odds[0] - odds[1:], np.float32).reshape(STEPS, STEPS)
