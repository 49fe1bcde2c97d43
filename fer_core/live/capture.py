"""Frames of a camera, a stream or a video file, through OpenCV."""

import re
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fer_core.errors import VideoError
from fer_core.live.latest_value import Slot
from fer_core.types import Pixels

SILENT_S = 10.0
"""A camera or stream that gives nothing for so long has ended."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture: its number from 1 on, its time in seconds, uint8 (H, W, 3) RGB."""

    frame: int
    time_s: float
    rgb: Pixels


def without_login(source: str) -> str:
    """An address as it may be shown and kept: user and password left out."""
    return re.sub(r"(?<=://)[^/\s]*@", "", source)


def pictures(source: str) -> Generator[Picture]:
    """The pictures of a file in its own time, or of a camera or stream as they come.

    Of a camera or stream the newest is given: what came while the last one was read is dropped.

    Raises:
        VideoError: It cannot be opened.
    """
    is_file = Path(source).is_file()
    is_camera = source.isascii() and source.isdigit() and len(source) < 4
    capture = cv2.VideoCapture(int(source) if is_camera else source)
    if not capture.isOpened():
        capture.release()
        raise VideoError(
            f"{without_login(source)}: cannot be opened. Give a camera number such as 0, a video "
            "file, or a stream address such as rtsp://…"
        )
    return _of_file(capture) if is_file else _newest(capture)


def _of_file(capture: cv2.VideoCapture) -> Generator[Picture]:
    frame = 0
    try:
        while (bgr := _grab(capture)) is not None:
            frame += 1
            yield Picture(frame, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, _rgb(bgr))
    finally:
        capture.release()


def _newest(capture: cv2.VideoCapture) -> Generator[Picture]:
    """A thread takes every picture from the camera, so that none grows old in its queue."""
    slot: Slot[Picture] = Slot()
    start = time.monotonic()
    stopped = threading.Event()

    def take() -> None:
        frame = 0
        while not stopped.is_set() and (bgr := _grab(capture)) is not None:
            frame += 1
            slot.put(Picture(frame, time.monotonic() - start, _rgb(bgr)))
        slot.close()

    thread = threading.Thread(target=take, name="camera", daemon=True)
    thread.start()
    try:
        while (picture := slot.take(SILENT_S)) is not None:
            yield picture
    finally:
        stopped.set()
        thread.join(SILENT_S)
        capture.release()


def _grab(capture: cv2.VideoCapture) -> Pixels | None:
    """The next picture, BGR as OpenCV gives it; None at the end."""
    done, bgr = capture.read()
    return np.asarray(bgr, np.uint8) if done else None


def _rgb(bgr: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
