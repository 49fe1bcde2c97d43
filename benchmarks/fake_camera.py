"""A fake camera for Chromium: a file of raw frames that it plays in a loop."""

from collections.abc import Iterable
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

BITS = 12
CELL = 16
"""Bits of the counter, and the side of one of its squares in pixels."""


def write_y4m(file: Path, frames: Iterable[Pixels], fps: int = 30) -> None:
    """Write RGB frames of one size, uint8 (H, W, 3), in the format of Chromium's fake camera."""
    with file.open("wb") as out:
        for number, rgb in enumerate(frames):
            if number == 0:
                height, width = rgb.shape[:2]
                out.write(f"YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 C420mpeg2\n".encode())
            out.write(b"FRAME\n")
            out.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).tobytes())


def chromium_arguments(file: Path | None) -> list[str]:
    """Return Chromium's flags to use the file as camera, or for None to have no camera."""
    camera = [
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={file}",
    ]
    return [
        *(camera if file else []),
        "--no-sandbox",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ]


def moving_photo(
    rgb: Pixels, seconds: float = 4, fps: int = 30, sway: float = 90
) -> Iterable[Pixels]:
    """Yield uint8 (480, 640, 3) frames of a photo, uint8 (H, W, 3), that sways ``sway`` pixels."""
    small = cv2.resize(rgb, (440, 440), interpolation=cv2.INTER_AREA)
    count = round(seconds * fps)
    for number in range(count):
        frame = np.full((480, 640, 3), 90, np.uint8)
        left = round(100 + sway * np.sin(2 * np.pi * number / count))
        frame[20:460, left : left + 440] = small
        yield frame


def clip(file: Path, seconds: float, fps: int = 30) -> list[Pixels]:
    """Return a clip at ``fps`` as uint8 (480, 640, 3) frames, cropped."""
    with av.open(str(file)) as source:
        frames = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
        rate = float(source.streams.video[0].average_rate or fps)
    positions = [min(int(i * rate / fps), len(frames) - 1) for i in range(round(seconds * fps))]
    return [_fit(frames[index]) for index in positions]


def counted(frames: Iterable[Pixels]) -> Iterable[Pixels]:
    """Yield uint8 (H, W, 3) frames with their number drawn into the lower edge.

    Black and white squares, lowest bit at the left, after a mark of one black and one white one.
    """
    for number, frame in enumerate(frames):
        marked = frame.copy()
        bits = [0, 1, *((number >> bit) & 1 for bit in range(BITS))]
        for column, bit in enumerate(bits):
            x = column * CELL
            marked[-CELL:, x : x + CELL] = 255 * bit
        yield marked


def _fit(rgb: Pixels) -> Pixels:
    height, width = rgb.shape[:2]
    scale = max(640 / width, 480 / height)
    size = round(width * scale), round(height * scale)
    large = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    top, left = (size[1] - 480) // 2, (size[0] - 640) // 2
    return np.asarray(large[top : top + 480, left : left + 640], np.uint8)
