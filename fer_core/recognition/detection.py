"""Face detection: YuNet where its file is available, else OpenCV's bundled Haar cascade."""

import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from fer_core.errors import DownloadError, SettingsError
from fer_core.images.boxes import Box
from fer_core.images.crop import shrink
from fer_core.recognition.close_look import enlarge, turn_upright
from fer_core.recognition.face import Detection, merge
from fer_core.system.downloads import fetch
from fer_core.system.settings import DETECTORS, Settings, settings
from fer_core.types import Pixels

YUNET_NAME: Final = "face_detection_yunet_2026may.onnx"
YUNET_URL: Final = (
    f"https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/{YUNET_NAME}"
)
YUNET_SHA256: Final = "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0"

MARGINS: Final = {"yunet": -0.015, "haar": 0.01}
"""Margin for ``images.face_crop`` at which a detector's square matches FER-2013's framing.

Measured on 3,000 training images enlarged to 192 pixels with 64 pixels of repeated border: the
median FER-2013 frame is 0.97 times as wide as the longer side of YuNet's box (2,863 detected) and
1.02 times as wide as Haar's (2,290 detected), both centred within 2% of it.
``0.97 = 1 - 2 * 0.015``.
"""

LONG_EDGE: Final = 640
"""Images are scaled down to this for detection; YuNet then takes about 9 ms on one core."""

DENSE_EDGE: Final = 1600
"""Large photos are searched a second time in a copy of this size, for small faces."""

HAAR_DENSE_EDGE: Final = 2560
"""The same for Haar, which sees no face below 24 pixels."""

HAAR_SMALL: Final = 128
"""Largest face in pixels that Haar's second search is for; the first sees larger ones."""

HAAR_SMALL_SCORE: Final = 0.75
"""Least score of such a face: of 24 true ones the lowest has 0.78, folds of clothes reach 0.73."""

DENSE_ABOVE: Final = 1280
"""Longer side in pixels above which a photo is searched a second time."""

WEAK_SCORE: Final = 0.05
"""YuNet gives a face of 8 to 10 pixels 0.08 to 0.13; from this score on, smaller ones are searched
again, enlarged."""

WEAK_SIDE: Final = 24
"""Height in pixels of the searched copy up to which a face of low score may just be too small."""

MOST_WEAK: Final = 128
"""Possible faces of low score that are searched again in one photo, the best ones."""

SMALL_SCORE: Final = 0.7
"""Least score of YuNet for a face that only the second search shows: textures reach 0.69."""

SMALLEST_SIDE: Final = 16
"""In images with a shorter side, in pixels, neither detector finds a face."""

PADDED_SIDE: Final = 64
"""Shortest side in pixels that YuNet is given: at 32 and less OpenCV fills its own padding from
uninitialized memory and detects faces there."""


class FaceDetector(Protocol):
    """A face detector."""

    @property
    def name(self) -> str:
        """``yunet`` or ``haar``."""

    def detect(self, rgb: Pixels) -> tuple[Detection, ...]:
        """Return the faces of a uint8 (H, W, 3) RGB image, left to right; none is ``()``."""


class YuNet:
    """OpenCV's ``FaceDetectorYN``. Safe to share between threads.

    Source: Wu et al., YuNet: a tiny millisecond-level face detector, 2023.
    """

    name = "yunet"

    def __init__(self, file: Path, score: float = 0.6) -> None:
        self._lock = threading.Lock()
        self._score = score
        self._net = cv2.FaceDetectorYN.create(str(file), "", (320, 320), WEAK_SCORE, 0.3, 500)

    def detect(self, rgb: Pixels) -> tuple[Detection, ...]:
        """Return the faces of uint8 (H, W, 3); see ``FaceDetector.detect``."""
        if min(rgb.shape[:2]) < SMALLEST_SIDE:
            return ()
        small, factor = _shrunk(rgb, LONG_EDGE)
        strong, weak = self._split(self._search(small), self._score)
        faces = [d.scale(factor) for d in turn_upright(small, strong, self._search)]
        if max(rgb.shape[:2]) > DENSE_ABOVE:
            dense, factor = _shrunk(rgb, DENSE_EDGE)
            strong, weak = self._split(self._search(dense), SMALL_SCORE)
            fresh = merge(strong, [d.scale(1 / factor) for d in faces])[len(faces) :]
            faces += [d.scale(factor) for d in turn_upright(dense, fresh, self._search)]
        if factor > 1:
            unknown = merge([d.scale(factor) for d in weak[:MOST_WEAK]], faces)[len(faces) :]
            looks, _ = self._split(enlarge(rgb, unknown, self._search), SMALL_SCORE)
            fresh = merge(looks, faces)[len(faces) :]
            faces += turn_upright(rgb, fresh, self._search)
        return _ordered(faces, rgb)

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
        small, factor = _shrunk(rgb, LONG_EDGE)
        grey = cv2.equalizeHist(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
        faces = merge(d.scale(factor) for d in self._search(grey))
        if max(rgb.shape[:2]) > DENSE_ABOVE:
            dense, factor = _shrunk(rgb, HAAR_DENSE_EDGE)
            # Not equalized: on a plain background that leaves a small face no contrast.
            looks = self._search(cv2.cvtColor(dense, cv2.COLOR_RGB2GRAY), 1.1, HAAR_SMALL)
            faces = merge((d.scale(factor) for d in looks if d.score >= HAAR_SMALL_SCORE), faces)
        return _ordered(faces, rgb)

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


@dataclass(frozen=True, slots=True)
class Choice:
    """A detector, and a sentence for the user where it is not the preferred one."""

    detector: FaceDetector
    notice: str = ""


def choose_detector(name: str = "auto", config: Settings | None = None) -> Choice:
    """Load a face detector.

    Args:
        name: ``yunet``, ``haar`` or ``auto``: the value of ``FER_DETECTOR``, by default YuNet if
            its file is present or can be fetched, else Haar.
        config: The settings of this process if None.

    Raises:
        SettingsError: ``name`` is not one of these, or ``FER_YUNET`` names no YuNet file.
        DownloadError: YuNet was asked for by name and could not be fetched.
    """
    config = config or settings()
    name = config.detector if name == "auto" else name
    if name not in DETECTORS:
        raise SettingsError(f"detector must be one of {', '.join(DETECTORS)}. Received: {name!r}.")
    if name == "haar":
        return Choice(Haar())
    try:
        return Choice(_yunet(config))
    except DownloadError as error:
        if name == "yunet":
            raise
        return Choice(
            Haar(), f"Faces are detected by the Haar cascade, which misses turned faces. {error}"
        )


def _yunet(config: Settings) -> YuNet:
    try:
        return YuNet(config.yunet or fetch(YUNET_URL, YUNET_SHA256, config.cache / YUNET_NAME))
    except DownloadError as error:
        raise DownloadError(
            f"{error} To have YuNet now, get {YUNET_URL} and set FER_YUNET to the file's path."
        ) from error
    except cv2.error as error:
        raise SettingsError(
            f"FER_YUNET: {config.yunet} is not a readable YuNet file. Point it to {YUNET_NAME}, "
            "or unset it."
        ) from error


def _padded(bgr: cv2.typing.MatLike) -> cv2.typing.MatLike:
    """Return the image with black below and to the right where a side is below ``PADDED_SIDE``."""
    below, right = (max(PADDED_SIDE - side, 0) for side in bgr.shape[:2])
    return cv2.copyMakeBorder(bgr, 0, below, 0, right, cv2.BORDER_CONSTANT)


def _shrunk(rgb: Pixels, long_edge: int) -> tuple[Pixels, float]:
    """Return a copy to search, and the factor from its pixels to those of ``rgb``."""
    small = shrink(rgb, long_edge)
    return small, max(rgb.shape[:2]) / max(small.shape[:2])


def _ordered(detections: Iterable[Detection], rgb: Pixels) -> tuple[Detection, ...]:
    """Clip to the image and sort from left to right."""
    height, width = rgb.shape[:2]
    clipped = (
        replace(d.clip(width, height), score=min(max(d.score, 0.0), 1.0)) for d in detections
    )
    return tuple(sorted((d for d in clipped if d.box.area > 0), key=lambda d: d.box.xyxy))
