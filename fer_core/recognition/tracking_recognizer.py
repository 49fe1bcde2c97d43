"""Recognition in video: detect, track, classify, smooth. Live views and video files share it."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fer_core.recognition.face import Detection, FaceEmotion
from fer_core.recognition.recognizer import Recognizer
from fer_core.recognition.tracking import MAX_ABSENCE_S, TrackedFace, Tracker
from fer_core.types import Pixels

LIVE_EDGE: Final = 320
"""Longer side of the image in which a live view detects faces. YuNet detects a face of 24 pixels
in 640 this way and needs a third of the time; a smaller face is too coarse to classify anyway."""

MAX_BOX_AGE_S: Final = 0.1
"""Boxes older than this are never reused, however slow the machine is."""


@dataclass(frozen=True, slots=True)
class RecognitionOptions:
    """Options for recognition in video: smoothing and the detection policy.

    Attributes:
        half_life_s: Smoothing; see ``Tracker``.
        detect_every: Detect faces in every n-th frame only; in between, the boxes of the last
            detection are reused and only the emotions are classified.
        detect_edge: Longer side in pixels of the copy in which faces are detected.
    """

    half_life_s: float = 0.3
    detect_every: int = 2
    detect_edge: int = LIVE_EDGE


class TrackingRecognizer:
    """Holds the state of one video from frame to frame. For one thread.

    Args:
        max_absence_s: See ``Tracker``.
        timer: Clock for the measured times, in seconds.

    Attributes:
        tracker: Numbers the persons and smooths their values.
        detect_seconds: Times of the last detections.
        classify_seconds: Times of the last classifications.
    """

    def __init__(
        self,
        max_absence_s: float = MAX_ABSENCE_S,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.tracker = Tracker(max_absence_s=max_absence_s)
        self.detect_seconds: deque[float] = deque(maxlen=30)
        self.classify_seconds: deque[float] = deque(maxlen=60)
        self._timer = timer
        self._persons: tuple[int, ...] = ()
        self._detections: tuple[Detection, ...] = ()
        self._frames_since_detection = 0
        self._detected_s = float("-inf")
        self._shape: tuple[int, ...] = ()

    def recognize(
        self, rgb: Pixels, time_s: float, recognizer: Recognizer, options: RecognitionOptions
    ) -> tuple[TrackedFace, ...]:
        """Return the faces of one frame.

        Args:
            rgb: uint8 (H, W, 3) RGB.
            time_s: Time of the frame in seconds; never earlier than in the call before.
            recognizer: Detects and classifies; may be another one for each frame.
            options: May change from frame to frame, too.
        """
        self.tracker.half_life_s = options.half_life_s
        if self._is_detection_due(rgb, time_s, options):
            self._detect(rgb, time_s, recognizer, options.detect_edge)
        self._frames_since_detection += 1
        start = self._timer()
        faces = recognizer.classify(rgb, self._detections)
        self.classify_seconds.append(self._timer() - start)
        threshold = recognizer.classifier.abstain_below
        return self.tracker.smooth(self._persons, faces, time_s, threshold)

    def track(
        self, faces: Sequence[FaceEmotion], time_s: float, abstain_below: float
    ) -> tuple[TrackedFace, ...]:
        """Track and smooth the faces of a frame that was recognized elsewhere.

        Args:
            faces: The faces of one frame by themselves, as ``Recognizer`` gives them.
            time_s: Time of the frame in seconds; never earlier than in the call before.
            abstain_below: Probability below which a label is uncertain.
        """
        persons, _ = self.tracker.associate([face.detection for face in faces], time_s)
        return self.tracker.smooth(persons, faces, time_s, abstain_below)

    def _is_detection_due(self, rgb: Pixels, time_s: float, options: RecognitionOptions) -> bool:
        return (
            self._frames_since_detection >= options.detect_every
            or time_s - self._detected_s > MAX_BOX_AGE_S
            or self._shape != rgb.shape
        )

    def _detect(self, rgb: Pixels, time_s: float, recognizer: Recognizer, edge: int) -> None:
        start = self._timer()
        detections = recognizer.detect(rgb, edge)
        self.detect_seconds.append(self._timer() - start)
        if self._shape and self._shape != rgb.shape:
            (old_height, old_width), (height, width) = self._shape[:2], rgb.shape[:2]
            self.tracker.resize((old_width, old_height), (width, height))
        self._persons, self._detections = self.tracker.associate(detections, time_s)
        self._frames_since_detection, self._detected_s, self._shape = 0, time_s, rgb.shape
