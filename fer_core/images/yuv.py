"""Video frames as they travel: planar YUV 4:2:0 (I420), converted and drawn on without detours.

A frame is uint8 (3 * H // 2, W) with even H and W: H rows of luma, then both chroma planes at half
the size. Video arrives and leaves in this form, so drawing on it saves two conversions of the whole
image a frame. Colours follow BT.601, limited range (16..235), as WebRTC does.
"""

from functools import lru_cache

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from fer_core.images.colors import rgb_of
from fer_core.types import Pixels

_BT601 = (2, 5, 6)  # AVCOL_SPC_UNSPECIFIED, _BT470BG, _SMPTE170M: FFmpeg reads all as BT.601


def from_frame(frame: av.VideoFrame, size: tuple[int, int] | None = None) -> Pixels:
    """Convert a decoded frame to I420, uint8 (3 * H // 2, W).

    Full range and other matrices, as the frame states them, become BT.601 in limited range.

    Args:
        frame: In any pixel format.
        size: Even width and height of the result; if None the frame's own, to which an odd last row
            or column is squeezed.
    """
    size = size or (max(frame.width & ~1, 2), max(frame.height & ~1, 2))
    is_i420 = frame.format.name == "yuv420p" and (frame.width, frame.height) == size
    if not is_i420 or frame.color_range == ColorRange.JPEG or frame.colorspace not in _BT601:
        frame = frame.reformat(
            *size, "yuv420p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG,
            interpolation="AREA",
        )  # fmt: skip
    return np.asarray(frame.to_ndarray(), np.uint8)


def to_frame(yuv: Pixels) -> av.VideoFrame:
    """Return I420, uint8 (3 * H // 2, W), as a frame; the caller sets the time stamps."""
    return av.VideoFrame.from_ndarray(yuv, format="yuv420p")


def to_rgb(yuv: Pixels) -> Pixels:
    """Convert I420, uint8 (3 * H // 2, W), to RGB, uint8 (H, W, 3)."""
    return np.asarray(cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB_I420), np.uint8)


def from_rgb(rgb: Pixels) -> Pixels:
    """Convert RGB, uint8 (H, W, 3) with even sides, to I420, uint8 (3 * H // 2, W)."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)


def size_of(yuv: Pixels) -> tuple[int, int]:
    """Return width and height in pixels of I420, uint8 (3 * H // 2, W)."""
    return yuv.shape[1], yuv.shape[0] * 2 // 3


def mirror(yuv: Pixels) -> Pixels:
    """Flip I420, uint8 (3 * H // 2, W), from left to right."""
    flipped = np.empty_like(yuv)
    for old, new in zip(planes(yuv), planes(flipped), strict=True):
        cv2.flip(old, 1, new)
    return flipped


def fit(yuv: Pixels, size: tuple[int, int]) -> Pixels:
    """Scale I420, uint8 (3 * H // 2, W), into another size, with black borders where shapes differ.

    Args:
        yuv: The frame.
        size: Even width and height of the result.
    """
    width, height = size_of(yuv)
    if (width, height) == size:
        return yuv
    factor = min(size[0] / width, size[1] / height)
    inner = max(round(width * factor) & ~1, 2), max(round(height * factor) & ~1, 2)
    scaled = from_frame(to_frame(yuv), inner)
    if inner == size:
        return scaled
    framed = from_rgb(np.zeros((size[1], size[0], 3), np.uint8))
    Canvas(framed).paste(scaled, (size[0] - inner[0]) / 2, (size[1] - inner[1]) / 2)
    return framed


def planes(yuv: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    """Return views on luma, uint8 (H, W), and both chroma planes, uint8 (H // 2, W // 2)."""
    (width, height), flat = size_of(yuv), yuv.reshape(-1)
    area, half = height * width, (height // 2, width // 2)
    return (
        flat[:area].reshape(height, width),
        flat[area : area + area // 4].reshape(half),
        flat[area + area // 4 :].reshape(half),
    )


class Canvas:
    """Draws on an I420 frame in place. Everything is clipped to it and moved to even pixels."""

    def __init__(self, yuv: Pixels) -> None:
        self._planes = planes(yuv)
        self.height, self.width = self._planes[0].shape

    def fill(self, x1: float, y1: float, x2: float, y2: float, color: str) -> None:
        """Draw a filled rectangle."""
        left, right = _even(x1, self.width), _even(x2, self.width)
        top, bottom = _even(y1, self.height), _even(y2, self.height)
        for plane, value, by in zip(self._planes, yuv_of(color), (1, 2, 2), strict=True):
            plane[top // by : bottom // by, left // by : right // by] = value

    def outline(self, xyxy: tuple[float, float, float, float], color: str, line: int) -> None:
        """Draw an empty rectangle with lines ``line`` pixels wide, inwards."""
        x1, y1, x2, y2 = xyxy
        self.fill(x1, y1, x2, y1 + line, color)
        self.fill(x1, y2 - line, x2, y2, color)
        self.fill(x1, y1, x1 + line, y2, color)
        self.fill(x2 - line, y1, x2, y2, color)

    def paste(self, patch: Pixels, x: float, y: float) -> None:
        """Lay an I420 patch, uint8 (3 * h // 2, w), with its top left corner at (x, y).

        It is moved to stay inside.
        """
        parts = planes(patch)
        height, width = parts[0].shape
        left = _even(min(x, self.width - width), self.width)
        top = _even(min(y, self.height - height), self.height)
        for plane, part, by in zip(self._planes, parts, (1, 2, 2), strict=True):
            target = plane[top // by :, left // by :][: part.shape[0], : part.shape[1]]
            target[:] = part[: target.shape[0], : target.shape[1]]


@lru_cache(maxsize=64)
def yuv_of(color: str) -> tuple[int, int, int]:
    """Return a colour such as ``#D55E00`` as luma and both chroma values, 0..255."""
    patch = from_rgb(np.full((2, 2, 3), rgb_of(color), np.uint8))
    y, u, v = (int(plane[0, 0]) for plane in planes(patch))
    return y, u, v


def _even(value: float, most: int) -> int:
    return min(max(round(value), 0), most) & ~1
