"""A recogniser without a network, and pictures without a camera."""

import threading
import time
from types import SimpleNamespace

import numpy as np

from fer_core.images.boxes import Box
from fer_core.images.yuv import from_rgb
from fer_core.labels import EMOTIONS
from fer_core.recognition.face import Detection, FaceEmotion
from fer_core.recognition.tracking import TrackedFace

CROP = np.full((96, 96, 3), 7, np.uint8)


class StubRecognizer:
    """Finds a face in every picture that is not black; the answer is always happy."""

    detector_name = "yunet"

    def __init__(self, delay_s: float = 0.0, faces: int = 1) -> None:
        self.classifier = SimpleNamespace(abstain_below=0.4)
        self.delay_s = delay_s
        self.faces = faces
        self.searches = self.results = 0
        self.fail_at: set[int] = set()
        self.running = threading.Lock()

    def detect(self, rgb, long_edge=None):
        self.searches += 1
        if rgb.max() < 60:
            return ()
        height, width = rgb.shape[:2]
        return tuple(
            Detection(Box(i * width / 12, height / 4, (i + 1) * width / 12, height / 2), 0.9)
            for i in range(self.faces)
        )

    def classify(self, rgb, detections):
        assert self.running.acquire(blocking=False), "two pictures were read at the same time"
        try:
            self.results += 1
            time.sleep(self.delay_s)
            if self.results in self.fail_at:
                raise RuntimeError("the network tripped once")
            return tuple(FaceEmotion(d, happy(), False, CROP) for d in detections)
        finally:
            self.running.release()


def happy(share: float = 0.9) -> np.ndarray:
    rest = (1 - share) / (len(EMOTIONS) - 1)
    return np.array([share if e == "happy" else rest for e in EMOTIONS], np.float32)


def tracked(person: int = 1, box: Box | None = None, uncertain: bool = False) -> TrackedFace:
    box = box or Box(100, 100, 200, 220)
    return TrackedFace(Detection(box, 0.9), happy(), uncertain, person=person, label="happy")


def picture(value: int = 120, width: int = 640, height: int = 480) -> np.ndarray:
    """A plain I420 picture."""
    return from_rgb(np.full((height, width, 3), value, np.uint8))


def until(true, seconds: float = 5.0) -> None:
    """Wait for another thread."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)
