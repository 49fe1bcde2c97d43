"""Draw boxes, captions and small bars on video frames."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from fer_core.images.colors import rgb_of
from fer_core.images.yuv import Canvas, from_rgb
from fer_core.labels import COLORS, EMOTIONS, UNCERTAIN_COLOR
from fer_core.recognition.drawing import caption, chip, color_of
from fer_core.recognition.tracking import TrackedFace
from fer_core.types import Pixels

MAX_FACES_WITH_BARS: Final = 3
"""Bars are drawn beside the faces of so many people at most; in a crowd they would hide faces."""

PANEL: Final = "#1B2422"
ROW, NAME_WIDTH, BAR_WIDTH = 14, 52, 48
"""Height of one bar's row and widths of its name and of a full bar, in pixels at 640 wide."""


def draw(yuv: Pixels, faces: Sequence[TrackedFace], bars: bool = True) -> None:
    """Draw every face's box, person, emotion and confidence on a frame in place.

    Args:
        yuv: I420, uint8 (3 * H // 2, W).
        faces: In pixels of the frame.
        bars: Draw the seven probabilities beside each face, too.
    """
    canvas = Canvas(yuv)
    unit = max(canvas.width / 640, 0.5)
    for face in faces:
        canvas.outline(face.box.xyxy, color_of(face), 2 * max(round(1.5 * unit), 1))
    for face in faces:
        if bars and len(faces) <= MAX_FACES_WITH_BARS:
            _bars(canvas, face, unit)
    for face in faces:
        text = f"{face.person} {caption(face)}" if len(faces) > 1 else caption(face)
        label = patch(text, color_of(face), round(15 * unit))
        canvas.paste(label, face.box.x1, max(face.box.y1 - label.shape[0] * 2 / 3, 0))


def draw_note(yuv: Pixels, text: str) -> None:
    """Draw a short note, such as ``no face``, at the top of I420, uint8 (3 * H // 2, W)."""
    canvas = Canvas(yuv)
    unit = max(canvas.width / 640, 0.5)
    note = patch(text, UNCERTAIN_COLOR, round(15 * unit))
    canvas.paste(note, (canvas.width - note.shape[1]) / 2, 8 * unit)


def _bars(canvas: Canvas, face: TrackedFace, unit: float) -> None:
    names = _names(round(ROW * unit), round(NAME_WIDTH * unit), round(BAR_WIDTH * unit))
    width, row = names.shape[1], round(ROW * unit)
    right = face.box.x2 + 4
    left = right if right + width <= canvas.width else max(face.box.x1 - width - 4, 0)
    top = min(max(face.box.y1, 0), max(canvas.height - row * len(EMOTIONS), 0))
    canvas.paste(names, left, top)
    start = left + round(NAME_WIDTH * unit)
    for index, (emotion, share) in enumerate(zip(EMOTIONS, face.probabilities, strict=True)):
        y = top + index * row
        end = start + float(share) * round(BAR_WIDTH * unit)
        canvas.fill(start, y + row * 0.2, max(end, start + 2), y + row * 0.8, COLORS[emotion])


@lru_cache(maxsize=1024)
def patch(text: str, color: str, size: int) -> Pixels:
    """Return ``drawing.chip`` as I420, uint8 (3 * h // 2, w)."""
    return _as_yuv(chip(text, color, size))


@lru_cache(maxsize=8)
def _names(row: int, name: int, bar: int) -> Pixels:
    """Return the empty panel of bars with the seven names, as I420."""
    panel = np.full((row * len(EMOTIONS), name + bar + 4, 3), rgb_of(PANEL), np.uint8)
    for index, emotion in enumerate(EMOTIONS):
        text = chip(emotion, PANEL, max(round(row * 0.8), 6))
        part = text[max(text.shape[0] - row, 0) // 2 :, :name][:row]
        panel[index * row : index * row + part.shape[0], : part.shape[1]] = part
    return _as_yuv(panel)


def _as_yuv(rgb: Pixels) -> Pixels:
    down, right = rgb.shape[0] % 2, rgb.shape[1] % 2
    even = cv2.copyMakeBorder(rgb, 0, down, 0, right, cv2.BORDER_REPLICATE)
    return from_rgb(np.asarray(even, np.uint8))
