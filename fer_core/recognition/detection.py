"""Find faces: YuNet where its file is at hand, else OpenCV's bundled Haar cascade."""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from fer_core.errors import DownloadError, SettingsError
from fer_core.images.boxes import Box, intersection, iou
from fer_core.images.codec import Pixels, shrink
from fer_core.system.downloads import fetch
from fer_core.system.settings import DETECTORS, Settings, settings

YUNET_NAME: Final = "face_detection_yunet_2026may.onnx"
YUNET_URL: Final = (
    f"https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/{YUNET_NAME}"
)
YUNET_SHA256: Final = "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0"

MARGINS: Final = {"yunet": -0.015, "haar": 0.01}
"""Margin for ``images.face_crop`` at which a detector's square matches FER-2013's framing.

Measured on 3,000 training images enlarged to 192 pixels with 64 pixels of repeated border: the
median FER-2013 frame is 0.97 times as wide as the longer side of YuNet's box (2,863 found) and
1.02 times as wide as Haar's (2,290 found), both centred within 2 % of it. ``0.97 = 1 - 2 * 0.015``.
"""

LONG_EDGE: Final = 640
"""Pictures are scaled down to this for detection; YuNet then takes about 9 ms on one core."""

SMALLEST_SIDE: Final = 16
"""Pictures with a shorter side, in pixels, hold no face that either detector could find."""

PADDED_SIDE: Final = 64
"""YuNet sees no shorter side, in pixels: at 32 and less OpenCV fills its own padding from memory
that nobody has set, and boxes are found there."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One face.

    Attributes:
        box: Pixels of the picture, clipped to it.
        score: 0..1. YuNet's own; for Haar a monotone map of the cascade's last stage.
        roll: Degrees by which the face leans clockwise, from the eyes; 0 where none are known.
            YuNet's points follow a lean only in part (median 12 for a true 15, 22 for 30, on 20
            faces turned by known angles), so a crop ends up closer to upright, not always on it.
    """

    box: Box
    score: float
    roll: float = 0.0


class FaceDetector(Protocol):
    """Anything that finds faces."""

    @property
    def name(self) -> str:
        """``yunet`` or ``haar``."""

    def detect(self, rgb: Pixels) -> tuple[Detection, ...]:
        """Faces of a uint8 (H, W, 3) RGB picture, left to right; none is ``()``."""


class YuNet:
    """OpenCV's ``FaceDetectorYN``. Safe to share between threads.

    Source: Wu et al., YuNet: a tiny millisecond-level face detector, 2023.
    """

    name = "yunet"

    def __init__(self, file: Path, score: float = 0.6) -> None:
        self._lock = threading.Lock()
        self._net = cv2.FaceDetectorYN.create(str(file), "", (320, 320), score, 0.3, 500)

    def detect(self, rgb: Pixels) -> tuple[Detection, ...]:
        """See ``FaceDetector.detect``."""
        if min(rgb.shape[:2]) < SMALLEST_SIDE:
            return ()
        small = shrink(rgb, LONG_EDGE)
        bgr = _padded(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        with self._lock:
            self._net.setInputSize(bgr.shape[1::-1])
            _, rows = self._net.detect(bgr)
        rows = [] if rows is None else rows[np.isfinite(rows).all(axis=1)].tolist()
        found = [self.detection(row) for row in rows]
        return _finish(found, rgb, small)

    @staticmethod
    def detection(row: Sequence[float]) -> Detection:
        """One row of the network: x, y, width, height, five points from the right eye on, score."""
        x, y, width, height, right_x, right_y, left_x, left_y = row[:8]
        roll = math.degrees(math.atan2(left_y - right_y, left_x - right_x))
        return Detection(Box(x, y, x + max(width, 0), y + max(height, 0)), row[14], roll)


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
        """See ``FaceDetector.detect``."""
        if min(rgb.shape[:2]) < SMALLEST_SIDE:
            return ()
        small = shrink(rgb, LONG_EDGE)
        grey = cv2.equalizeHist(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
        with self._lock:
            boxes, _, weights = self._cascade.detectMultiScale3(
                grey, scaleFactor=1.2, minNeighbors=6, minSize=(24, 24), outputRejectLevels=True
            )
        found = [
            Detection(Box(x, y, x + width, y + height), 1 - math.exp(-max(weight, 0.0) / 3))
            for (x, y, width, height), weight in zip(
                np.reshape(boxes, (-1, 4)).tolist(), np.ravel(weights).tolist(), strict=True
            )
        ]
        return _finish(found, rgb, small)


@dataclass(frozen=True, slots=True)
class Choice:
    """A detector, and a sentence for the user where it is not the one that was wanted."""

    detector: FaceDetector
    notice: str = ""


def choose_detector(wanted: str = "auto", config: Settings | None = None) -> Choice:
    """Load the detector asked for.

    Args:
        wanted: ``yunet``, ``haar`` or ``auto``: what ``FER_DETECTOR`` says, by default YuNet if
            its file is present or can be fetched, else Haar.
        config: Where to look; the settings of this process if None.

    Raises:
        SettingsError: ``wanted`` is not one of these, or ``FER_YUNET`` names no YuNet file.
        DownloadError: YuNet was asked for by name and could not be fetched.
    """
    config = config or settings()
    wanted = config.detector if wanted == "auto" else wanted
    if wanted not in DETECTORS:
        raise SettingsError(
            f"detector must be one of {', '.join(DETECTORS)}. Received: {wanted!r}."
        )
    if wanted == "haar":
        return Choice(Haar())
    try:
        return Choice(_yunet(config))
    except DownloadError as error:
        if wanted == "yunet":
            raise
        return Choice(
            Haar(), f"Faces are found with the Haar cascade, which misses turned faces. {error}"
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
    """The picture, with black below and to the right where a side is below ``PADDED_SIDE``."""
    below, right = (max(PADDED_SIDE - side, 0) for side in bgr.shape[:2])
    return cv2.copyMakeBorder(bgr, 0, below, 0, right, cv2.BORDER_CONSTANT)


def _finish(found: list[Detection], rgb: Pixels, small: Pixels) -> tuple[Detection, ...]:
    """Back to input pixels, merged, clipped, sorted left to right."""
    height, width = rgb.shape[:2]
    factor = max(height, width) / max(small.shape[:2])
    clipped = [
        Detection(d.box.scale(factor).clip(width, height), min(max(d.score, 0.0), 1.0), d.roll)
        for d in found
    ]
    return tuple(sorted(_merge(clipped), key=lambda d: d.box.xyxy))


def _merge(found: list[Detection]) -> list[Detection]:
    """Keep the best of every group that overlaps or lies inside one another."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda d: d.score, reverse=True):
        if one.box.area > 0 and not any(_same_face(one.box, other.box) for other in kept):
            kept.append(one)
    return kept


def _same_face(a: Box, b: Box) -> bool:
    return iou(a, b) > 0.4 or intersection(a, b) > 0.8 * min(a.area, b.area)
