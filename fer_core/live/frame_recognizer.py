"""Read the pictures of one video, one after the other: search, follow, classify, steady."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fer_core.live.metrics import Meters
from fer_core.recognition.detection import Detection
from fer_core.recognition.recognizer import Recognizer
from fer_core.recognition.tracking import TrackedFace, Tracker
from fer_core.types import Pixels

DETECT_EDGE: Final = 320
"""Longer side of the picture in which faces are searched. YuNet finds a face of 24 pixels in
640 this way and needs a third of the time; a smaller face is too coarse to read anyway."""

DETECT_EVERY: Final = 2
"""Faces are searched in every second picture that is read; between, their boxes are carried on
and only the emotions are read."""

CARRY_S: Final = 0.1
"""Boxes older than this are never carried on, however slow the machine is."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How pictures are read.

    Attributes:
        half_life_s: Smoothing; see ``Tracker``.
        detect_every: See ``DETECT_EVERY``.
    """

    half_life_s: float = 0.3
    detect_every: int = DETECT_EVERY


class FaceReader:
    """Keeps what must be remembered from one picture to the next. For one thread.

    Args:
        meters: Where the times taken are noted.
    """

    def __init__(self, meters: Meters, timer: Callable[[], float] = time.perf_counter) -> None:
        self._meters = meters
        self._timer = timer
        self._tracker = Tracker()
        self._persons: tuple[int, ...] = ()
        self._detections: tuple[Detection, ...] = ()
        self._since_search = 0
        self._searched_s = float("-inf")
        self._shape: tuple[int, ...] = ()

    def read(
        self, rgb: Pixels, time_s: float, recognizer: Recognizer, options: ReadOptions
    ) -> tuple[TrackedFace, ...]:
        """The faces of one uint8 (H, W, 3) picture taken at ``time_s``."""
        self._tracker.half_life_s = options.half_life_s
        if self._must_search(rgb, time_s, options):
            self._search(rgb, time_s, recognizer)
        self._since_search += 1
        start = self._timer()
        faces = recognizer.classify(rgb, self._detections)
        self._meters.classify.append(self._timer() - start)
        threshold = recognizer.classifier.abstain_below
        return self._tracker.steady(self._persons, faces, time_s, threshold)

    def _must_search(self, rgb: Pixels, time_s: float, options: ReadOptions) -> bool:
        return (
            self._since_search >= options.detect_every
            or time_s - self._searched_s > CARRY_S
            or self._shape != rgb.shape
        )

    def _search(self, rgb: Pixels, time_s: float, recognizer: Recognizer) -> None:
        start = self._timer()
        detections = recognizer.detect(rgb, DETECT_EDGE)
        self._meters.detect.append(self._timer() - start)
        self._persons, self._detections = self._tracker.follow(detections, time_s)
        self._since_search, self._searched_s, self._shape = 0, time_s, rgb.shape
