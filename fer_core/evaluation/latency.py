"""Latency of a model on this machine."""

import time

import numpy as np

from fer_core.models.classifier import EmotionClassifier


def one_face_ms(classifier: EmotionClassifier, runs: int = 100) -> float:
    """Return the median time of one face, in milliseconds, from crop to probabilities."""
    size = classifier.card.input_size
    crop = np.random.default_rng(0).integers(0, 256, (1, size, size), np.uint8)
    times = []
    for _ in range(runs + 5):
        start = time.perf_counter()
        classifier.predict(crop)
        times.append(time.perf_counter() - start)
    return float(np.median(times[5:]) * 1000)
