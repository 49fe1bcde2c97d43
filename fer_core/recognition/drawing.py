"""Draw results on pictures."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fer_core.images.codec import Pixels
from fer_core.images.colors import rgb_of
from fer_core.labels import COLORS, UNCERTAIN_COLOR
from fer_core.recognition.recognizer import FaceEmotion


def annotate(rgb: Pixels, faces: Sequence[FaceEmotion]) -> Pixels:
    """A copy of a uint8 (H, W, 3) picture with each face boxed, numbered and named.

    Numbers count from 1 in the order given. Line and letter sizes follow the picture's size.
    """
    canvas = rgb.copy()
    unit = max(rgb.shape[:2]) / 640
    for face in faces:
        outline(canvas, face, max(round(2 * unit), 1))
    for number, face in enumerate(faces, start=1):
        text = f"{number} {caption(face)}" if len(faces) > 1 else caption(face)
        size = round(min(max(face.box.width / 6, 11 * unit, 10), max(15 * unit, 10)))
        label = chip(text, color_of(face), size)
        paste(canvas, label, round(face.box.x1), round(face.box.y1) - label.shape[0])
    return canvas


def outline(canvas: Pixels, face: FaceEmotion, line: int) -> None:
    """Draw the face's box, ``line`` pixels wide with a thin white edge, on ``canvas`` itself."""
    x1, y1, x2, y2 = (round(value) for value in face.box.xyxy)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), (255, 255, 255), line + 2)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), rgb_of(color_of(face)), line)


def color_of(face: FaceEmotion) -> str:
    """The colour of the face's emotion; a grey of its own where uncertain."""
    return UNCERTAIN_COLOR if face.uncertain else COLORS[face.emotion]


def caption(face: FaceEmotion) -> str:
    """One line on a face: ``happy 93 %``, or ``uncertain (sad 38 %)``."""
    answer = f"{face.emotion} {face.confidence:.0%}".replace("%", " %")
    return f"uncertain ({answer})" if face.uncertain else answer


@lru_cache(maxsize=512)
def chip(text: str, color: str, size: int) -> Pixels:
    """``text`` in letters of ``size`` pixels on a filled rectangle: uint8 (h, w, 3), read only."""
    font = ImageFont.load_default(size)
    left, _, right, _ = font.getbbox(text)
    pad = max(size // 4, 2)
    shape = round(right - left) + 2 * pad, round(size * 1.15) + 2 * pad
    picture = Image.new("RGB", shape, color)
    draw = ImageDraw.Draw(picture)
    draw.text((pad - left, shape[1] / 2), text, ink(color), font, anchor="lm")
    array = np.asarray(picture)
    array.flags.writeable = False
    return array


def ink(color: str) -> str:
    """Black or white, whichever is easier to read on ``color`` (WCAG relative luminance)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in rgb_of(color))
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#FFFFFF"


def paste(canvas: Pixels, patch: Pixels, x: int, y: int) -> None:
    """Lay ``patch`` on ``canvas`` with its top left corner at (x, y), moved to stay inside."""
    height, width = canvas.shape[:2]
    x = max(min(x, width - patch.shape[1]), 0)
    y = max(min(y, height - patch.shape[0]), 0)
    part = patch[: height - y, : width - x]
    canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
