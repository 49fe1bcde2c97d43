"""Capture frames from a camera or a network stream, through OpenCV."""

import re
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from fer_core.errors import VideoError
from fer_core.live.latest_value import LatestValue
from fer_core.types import Pixels

SILENT_S: Final = 10.0
"""A camera or stream without a frame for so long has ended."""


@dataclass(frozen=True, slots=True, eq=False)
class CapturedFrame:
    """One frame: its number from 1 on, its time in seconds, uint8 (H, W, 3) RGB."""

    number: int
    time_s: float
    rgb: Pixels


def without_login(source: str) -> str:
    """Return an address without user and password, as it may be shown and stored."""
    return re.sub(r"(?<=://)[^/\s]*@", "", source)


def capture_frames(source: str) -> Generator[CapturedFrame]:
    """Yield the newest frame of a camera or stream, again and again.

    Frames that arrive while the last one is in work are dropped.

    Args:
        source: A camera number such as ``0``, or the address of a stream.

    Raises:
        VideoError: It cannot be opened.
    """
    is_camera = source.isascii() and source.isdigit() and len(source) < 4
    capture = cv2.VideoCapture(int(source) if is_camera else source)
    if not capture.isOpened():
        capture.release()
        raise VideoError(
            f"{without_login(source)}: cannot be opened. Give a camera number such as 0, a video "
            "file, or a stream address such as rtsp://…"
        )
    return _newest(capture)


def _newest(capture: cv2.VideoCapture) -> Generator[CapturedFrame]:
    """Take every frame from the camera in a thread, so that none grows old in its queue."""
    newest: LatestValue[CapturedFrame] = LatestValue()
    start = time.monotonic()
    stopped = threading.Event()

    def take() -> None:
        number = 0
        while not stopped.is_set() and (rgb := _grab(capture)) is not None:
            number += 1
            newest.put(CapturedFrame(number, time.monotonic() - start, rgb))
        newest.close()

    thread = threading.Thread(target=take, name="camera", daemon=True)
    thread.start()
    try:
        while (frame := newest.take(SILENT_S)) is not None:
            yield frame
    finally:
        stopped.set()
        thread.join(SILENT_S)
        capture.release()


def _grab(capture: cv2.VideoCapture) -> Pixels | None:
    """Return the next frame, uint8 (H, W, 3) RGB; None at the end."""
    success, bgr = capture.read()
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8) if success else None
