"""Measurements of a live session: bounded lists of recent values and their statistics."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

WINDOW_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class LiveStats:
    """Statistics of a session over the last two seconds.

    Attributes:
        fps: Frames a second.
        results_per_s: Results a second.
        age_ms: Median age of the drawn result: from the arrival of its frame to its drawing.
        age_p95_ms: The same, 95th percentile.
        detect_ms: Median time of one face detection.
        classify_ms: Median time to classify all faces of one frame.
        frames: Frames since the start.
        dropped: Frames that were skipped because a newer one came first.
    """

    fps: float
    results_per_s: float
    age_ms: float
    age_p95_ms: float
    detect_ms: float
    classify_ms: float
    frames: int
    dropped: int


@dataclass(slots=True)
class LiveMetrics:
    """Recent measurements in seconds. Each is written by one thread and read by any."""

    frames: deque[float] = field(default_factory=lambda: deque(maxlen=100))
    results: deque[float] = field(default_factory=lambda: deque(maxlen=100))
    ages: deque[float] = field(default_factory=lambda: deque(maxlen=60))
    frame_count: int = 0
    dropped: int = 0

    def stats(self, detect_seconds: deque[float], classify_seconds: deque[float]) -> LiveStats:
        """Return the statistics, with times of ``TrackingRecognizer``."""
        ages = self.ages.copy()
        return LiveStats(
            fps=_rate(self.frames.copy()),
            results_per_s=_rate(self.results.copy()),
            age_ms=_percentile_ms(ages, 50),
            age_p95_ms=_percentile_ms(ages, 95),
            detect_ms=_percentile_ms(detect_seconds.copy(), 50),
            classify_ms=_percentile_ms(classify_seconds.copy(), 50),
            frames=self.frame_count,
            dropped=self.dropped,
        )


def _rate(times: deque[float]) -> float:
    """Return events a second in the last ``WINDOW_S`` before the newest."""
    recent = [t for t in times if t > times[-1] - WINDOW_S]
    span = recent[-1] - recent[0] if recent else 0.0
    return (len(recent) - 1) / span if span > 0 else 0.0


def _percentile_ms(seconds: Iterable[float], percent: float) -> float:
    values = list(seconds)
    return float(np.percentile(values, percent)) * 1000 if values else 0.0
