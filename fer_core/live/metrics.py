"""How a live session runs: bounded lists of recent measurements, and what they say."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np

WINDOW_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class LiveStats:
    """How a session runs, over the last two seconds.

    Attributes:
        fps: Pictures a second.
        results_per_s: Results a second.
        age_ms: Median age of the drawn result: from the arrival of its picture to its drawing.
        age_p95_ms: The same, 95th percentile.
        detect_ms: Median time of one search for faces.
        classify_ms: Median time of reading all emotions of one picture.
        frames: Pictures since the start.
        dropped: Pictures that were never read because a newer one came first.
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
class Meters:
    """Recent measurements in seconds. Each is written by one thread and read by any."""

    frames: deque[float] = field(default_factory=lambda: deque(maxlen=100))
    results: deque[float] = field(default_factory=lambda: deque(maxlen=100))
    ages: deque[float] = field(default_factory=lambda: deque(maxlen=60))
    detect: deque[float] = field(default_factory=lambda: deque(maxlen=30))
    classify: deque[float] = field(default_factory=lambda: deque(maxlen=60))
    frame_count: int = 0
    dropped: int = 0

    def stats(self) -> LiveStats:
        """What they say now."""
        ages = self.ages.copy()
        return LiveStats(
            fps=_rate(self.frames.copy()),
            results_per_s=_rate(self.results.copy()),
            age_ms=_percentile_ms(ages, 50),
            age_p95_ms=_percentile_ms(ages, 95),
            detect_ms=_percentile_ms(self.detect.copy(), 50),
            classify_ms=_percentile_ms(self.classify.copy(), 50),
            frames=self.frame_count,
            dropped=self.dropped,
        )


def _rate(times: deque[float]) -> float:
    """Events a second in the last ``WINDOW_S`` before the newest."""
    recent = [t for t in times if t > times[-1] - WINDOW_S]
    span = recent[-1] - recent[0] if recent else 0.0
    return (len(recent) - 1) / span if span > 0 else 0.0


def _percentile_ms(seconds: deque[float], percent: float) -> float:
    return float(np.percentile(list(seconds), percent)) * 1000 if seconds else 0.0
