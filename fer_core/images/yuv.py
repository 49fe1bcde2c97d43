"""Video pictures as they travel: planar YUV 4:2:0 (I420), converted and drawn on without detours.

A picture is uint8 (3 * H // 2, W) with even H and W: H rows of brightness, then both colour planes
at half the size. Video arrives and leaves in this form, so drawing on it saves two conversions of
the whole picture a frame. Colours follow BT.601, limited range, as WebRTC does.
"""

from functools import lru_cache

import av
import cv2
import numpy as np

from fer_core.images.colors import rgb_of
from fer_core.types import Pixels


def from_frame(frame: av.VideoFrame) -> Pixels:
    """The frame's pixels as I420; an odd last row or column is squeezed into an even size."""
    width, height = max(frame.width & ~1, 2), max(frame.height & ~1, 2)
    if (frame.format.name, frame.width, frame.height) != ("yuv420p", width, height):
        frame = frame.reformat(width, height, format="yuv420p")
    return np.asarray(frame.to_ndarray(), np.uint8)


def to_frame(yuv: Pixels) -> av.VideoFrame:
    """The opposite of ``from_frame``; the caller sets the time stamps."""
    return av.VideoFrame.from_ndarray(yuv, format="yuv420p")


def to_rgb(yuv: Pixels) -> Pixels:
    """I420 (3 * H // 2, W) as RGB (H, W, 3)."""
    return np.asarray(cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB_I420), np.uint8)


def from_rgb(rgb: Pixels) -> Pixels:
    """RGB (H, W, 3) with even sides as I420."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)


def mirror(yuv: Pixels) -> Pixels:
    """The picture as in a mirror."""
    turned = np.empty_like(yuv)
    for old, new in zip(planes(yuv), planes(turned), strict=True):
        cv2.flip(old, 1, new)
    return turned


def planes(yuv: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    """Views on brightness (H, W) and both colours (H // 2, W // 2)."""
    height, width = yuv.shape[0] * 2 // 3, yuv.shape[1]
    flat, area = yuv.reshape(-1), height * width
    half = height // 2, width // 2
    return (
        flat[:area].reshape(height, width),
        flat[area : area + area // 4].reshape(half),
        flat[area + area // 4 :].reshape(half),
    )


class Canvas:
    """Draws on an I420 picture in place. Everything is kept inside and moved to even pixels."""

    def __init__(self, yuv: Pixels) -> None:
        self._planes = planes(yuv)
        self.height, self.width = self._planes[0].shape

    def fill(self, x1: float, y1: float, x2: float, y2: float, color: str) -> None:
        """A filled rectangle."""
        left, right = _even(x1, self.width), _even(x2, self.width)
        top, bottom = _even(y1, self.height), _even(y2, self.height)
        for plane, value, by in zip(self._planes, yuv_of(color), (1, 2, 2), strict=True):
            plane[top // by : bottom // by, left // by : right // by] = value

    def outline(self, xyxy: tuple[float, float, float, float], color: str, line: int) -> None:
        """An empty rectangle with lines ``line`` pixels wide, drawn inwards."""
        x1, y1, x2, y2 = xyxy
        self.fill(x1, y1, x2, y1 + line, color)
        self.fill(x1, y2 - line, x2, y2, color)
        self.fill(x1, y1, x1 + line, y2, color)
        self.fill(x2 - line, y1, x2, y2, color)

    def paste(self, patch: Pixels, x: float, y: float) -> None:
        """Lay an I420 ``patch`` with its top left corner at (x, y), moved to stay inside."""
        parts = planes(patch)
        height, width = parts[0].shape
        left = _even(min(x, self.width - width), self.width)
        top = _even(min(y, self.height - height), self.height)
        for plane, part, by in zip(self._planes, parts, (1, 2, 2), strict=True):
            place = plane[top // by :, left // by :][: part.shape[0], : part.shape[1]]
            place[:] = part[: place.shape[0], : place.shape[1]]


@lru_cache(maxsize=64)
def yuv_of(color: str) -> tuple[int, int, int]:
    """``#D55E00`` as brightness and both colours."""
    patch = from_rgb(np.full((2, 2, 3), rgb_of(color), np.uint8))
    y, u, v = (int(plane[0, 0]) for plane in planes(patch))
    return y, u, v


def _even(value: float, most: int) -> int:
    return min(max(round(value), 0), most) & ~1
