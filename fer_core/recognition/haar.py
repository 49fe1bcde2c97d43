"""OpenCV's own face detector, where there is no better one."""

import math
import threading
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from fer_core.images.boxes import Box
from fer_core.recognition.face import Detection, merge
from fer_core.recognition.search_copy import (
    DENSE_ABOVE,
    LONG_EDGE,
    SMALLEST_SIDE,
    ordered,
    shrunk,
)
from fer_core.types import Pixels

HAAR_DENSE_EDGE: Final = 2560
"""Side of the copy in which large photos are searched a second time: Haar sees no face below 24
pixels."""

HAAR_SMALL: Final = 128
"""Largest face in pixels that Haar's second search is for; the first sees larger ones."""

HAAR_SMALL_SCORE: Final = 0.75
"""Least score of such a face: of 24 true ones the lowest has 0.78, folds of clothes reach 0.73."""


class Haar:
    """OpenCV's frontal face cascade. Safe to share between threads.

    It detects few faces that lie on their side or upside down (8% of 200 at 180 degrees), and
    cannot tell them from upright ones.

    Source: Viola and Jones, Rapid object detection using a boosted cascade, 2001.
    """

    name = "haar"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        folder = Path(cv2.__file__).parent / "data"
        self._cascade = cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_default.xml"))

    def detect(self, rgb: Pixels) -> tuple[Detection, ...]:
        """Return the faces of uint8 (H, W, 3); see ``FaceDetector.detect``."""
        if min(rgb.shape[:2]) < SMALLEST_SIDE:
            return ()
        small, factor = shrunk(rgb, LONG_EDGE)
        grey = cv2.equalizeHist(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
        faces = merge(d.scale(factor) for d in self._search(grey))
        if max(rgb.shape[:2]) > DENSE_ABOVE:
            dense, factor = shrunk(rgb, HAAR_DENSE_EDGE)
            # Not equalized: on a plain background that leaves a small face no contrast.
            looks = self._search(cv2.cvtColor(dense, cv2.COLOR_RGB2GRAY), 1.1, HAAR_SMALL)
            faces = merge((d.scale(factor) for d in looks if d.score >= HAAR_SMALL_SCORE), faces)
        return ordered(faces, rgb)

    def _search(
        self, grey: cv2.typing.MatLike, step: float = 1.2, largest: int = 0
    ) -> list[Detection]:
        with self._lock:
            boxes, _, weights = self._cascade.detectMultiScale3(
                grey, scaleFactor=step, minNeighbors=6, minSize=(24, 24),
                maxSize=(largest, largest), outputRejectLevels=True,
            )  # fmt: skip
        rows = zip(np.reshape(boxes, (-1, 4)).tolist(), np.ravel(weights).tolist(), strict=True)
        return [
            Detection(Box(x, y, x + width, y + height), 1 - math.exp(-max(weight, 0.0) / 3))
            for (x, y, width, height), weight in rows
        ]
