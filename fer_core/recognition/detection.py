"""Face detection: YuNet where its file is available, else OpenCV's bundled Haar cascade."""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from fer_core.errors import DownloadError, SettingsError
from fer_core.images.boxes import Box, intersection, iou
from fer_core.images.crop import shrink
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

SMALLEST_SIDE: Final = 16
"""In images with a shorter side, in pixels, neither detector finds a face."""

PADDED_SIDE: Final = 64
"""Shortest side in pixels that YuNet is given: at 32 and less OpenCV fills its own padding from
uninitialized memory and detects faces there."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One face.

    Attributes:
        box: Pixels of the image, clipped to it.
        score: 0..1. YuNet's own; for Haar a monotone map of the cascade's last stage.
        roll: Degrees by which the face leans clockwise, from the eyes; 0 where none are known.
            YuNet's points follow a lean only in part (median 12 for a true 15, 22 for 30, on 20
            faces turned by known angles), so a crop ends up closer to upright, not always on it.
        landmarks: (x, y) in pixels of the image: right eye, left eye, nose, right and left corner
            of the mouth, right and left as the person's own; empty where the detector has none.
    """

    box: Box
    score: float
    roll: float = 0.0
    landmarks: tuple[tuple[float, float], ...] = ()

    def scale(self, factor: float) -> "Detection":
        """Return the same face in an image ``factor`` times as large."""
        if factor == 1:
            return self
        points = tuple((x * factor, y * factor) for x, y in self.landmarks)
        return replace(self, box=self.box.scale(factor), landmarks=points)

    def clip(self, width: float, height: float) -> "Detection":
        """Return the same face with its box clipped to ``width`` by ``height`` pixels."""
        return replace(self, box=self.box.clip(width, height))


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
        self._net = cv2.FaceDetectorYN.create(str(file), "", (320, 320), score, 0.3, 500)

    def detect(self, rgb: Pixels) -> tuple[Detection, ...]:
        """Return the faces of uint8 (H, W, 3); see ``FaceDetector.detect``."""
        if min(rgb.shape[:2]) < SMALLEST_SIDE:
            return ()
        small = shrink(rgb, LONG_EDGE)
        bgr = _padded(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        with self._lock:
            self._net.setInputSize(bgr.shape[1::-1])
            _, rows = self._net.detect(bgr)
        rows = [] if rows is None else rows[np.isfinite(rows).all(axis=1)].tolist()
        return _postprocess([self.detection(row) for row in rows], rgb, small)

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
        small = shrink(rgb, LONG_EDGE)
        grey = cv2.equalizeHist(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
        with self._lock:
            boxes, _, weights = self._cascade.detectMultiScale3(
                grey, scaleFactor=1.2, minNeighbors=6, minSize=(24, 24), outputRejectLevels=True
            )
        detections = [
            Detection(Box(x, y, x + width, y + height), 1 - math.exp(-max(weight, 0.0) / 3))
            for (x, y, width, height), weight in zip(
                np.reshape(boxes, (-1, 4)).tolist(), np.ravel(weights).tolist(), strict=True
            )
        ]
        return _postprocess(detections, rgb, small)


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


def _postprocess(detections: list[Detection], rgb: Pixels, small: Pixels) -> tuple[Detection, ...]:
    """Return detections of ``small`` in pixels of ``rgb``, clipped, merged, left to right."""
    height, width = rgb.shape[:2]
    factor = max(height, width) / max(small.shape[:2])
    clipped = [
        replace(d.scale(factor).clip(width, height), score=min(max(d.score, 0.0), 1.0))
        for d in detections
    ]
    return tuple(sorted(_nms(clipped), key=lambda d: d.box.xyxy))


def _nms(detections: list[Detection]) -> list[Detection]:
    """Keep the best of every group that overlaps or lies inside one another."""
    best: list[Detection] = []
    for detection in sorted(detections, key=lambda d: d.score, reverse=True):
        if detection.box.area > 0 and not any(_same_face(detection.box, b.box) for b in best):
            best.append(detection)
    return best


def _same_face(a: Box, b: Box) -> bool:
    return iou(a, b) > 0.4 or intersection(a, b) > 0.8 * min(a.area, b.area)
