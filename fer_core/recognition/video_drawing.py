"""Draw boxes, captions and small bars on video frames."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from fer_core.images.boxes import Box, intersection
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
    if bars and len(faces) <= MAX_FACES_WITH_BARS:
        _draw_bars(canvas, faces, unit)
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


def _draw_bars(canvas: Canvas, faces: Sequence[TrackedFace], unit: float) -> None:
    """Draw a panel of bars beside each face, where it covers least of other faces and panels."""
    row, name, bar = round(ROW * unit), round(NAME_WIDTH * unit), round(BAR_WIDTH * unit)
    names = _names(row, name, bar)
    choices = [
        (face, _sides(face.box, names.shape[1], row * len(EMOTIONS), canvas)) for face in faces
    ]
    panels: list[Box] = []
    for face, sides in sorted(choices, key=lambda choice: len(choice[1])):  # the least free first
        obstacles = [other.box for other in faces if other is not face] + panels
        panel = min(sides, key=lambda side: sum(intersection(side, box) for box in obstacles))
        panels.append(panel)
        canvas.paste(names, panel.x1, panel.y1)
        start = panel.x1 + name
        for index, (emotion, share) in enumerate(zip(EMOTIONS, face.probabilities, strict=True)):
            y = panel.y1 + index * row
            end = start + float(share) * bar
            canvas.fill(start, y + row * 0.2, max(end, start + 2), y + row * 0.8, COLORS[emotion])


def _sides(face: Box, width: int, height: int, canvas: Canvas) -> list[Box]:
    """Return where a panel fits beside a face: on the right, on the left, else at the edge."""
    top = min(max(face.y1, 0), max(canvas.height - height, 0))
    right, left = face.x2 + 4, face.x1 - width - 4
    fitting = [x for x in (right, left) if 0 <= x <= canvas.width - width] or [max(left, 0)]
    return [Box(x, top, x + width, top + height) for x in fitting]


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
