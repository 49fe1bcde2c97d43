"""Draw results on images."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fer_core.images.colors import rgb_of
from fer_core.labels import COLORS, UNCERTAIN_COLOR
from fer_core.recognition.face import FaceEmotion
from fer_core.types import Pixels


def annotate(rgb: Pixels, faces: Sequence[FaceEmotion]) -> Pixels:
    """Return a copy of a uint8 (H, W, 3) image with each face boxed, numbered and named.

    Numbers count from 1 in the order given. Line and letter sizes follow the image's size.
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
    """Draw the face's box on a uint8 (H, W, 3) canvas in place.

    The line is ``line`` pixels wide and has a thin white edge.
    """
    x1, y1, x2, y2 = (round(value) for value in face.box.xyxy)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), (255, 255, 255), line + 2)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), rgb_of(color_of(face)), line)


def color_of(face: FaceEmotion) -> str:
    """Return the colour of the face's emotion, or the grey of an uncertain one."""
    return UNCERTAIN_COLOR if face.uncertain else COLORS[face.emotion]


def label_of(face: FaceEmotion) -> str:
    """Return the emotion of a face, or ``uncertain``."""
    return "uncertain" if face.uncertain else face.emotion


def caption(face: FaceEmotion) -> str:
    """Return one line on a face: ``happy 93%``, ``uncertain (sad 38%)``, ``covered (sad 81%)``."""
    text = f"{face.emotion} {face.confidence:.0%}"
    return f"{face.reason or 'uncertain'} ({text})" if face.uncertain else text


@lru_cache(maxsize=512)
def chip(text: str, color: str, size: int) -> Pixels:
    """Render text on a filled rectangle: uint8 (h, w, 3), read only. ``size`` is in pixels."""
    font = ImageFont.load_default(size)
    left, _, right, _ = font.getbbox(text)
    pad = max(size // 4, 2)
    shape = round(right - left) + 2 * pad, round(size * 1.15) + 2 * pad
    rendered = Image.new("RGB", shape, color)
    draw = ImageDraw.Draw(rendered)
    draw.text((pad - left, shape[1] / 2), text, ink(color), font, anchor="lm")
    array = np.asarray(rendered)
    array.flags.writeable = False
    return array


def ink(color: str) -> str:
    """Return black or white, the easier to read on ``color`` (WCAG relative luminance)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in rgb_of(color))
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#FFFFFF"


def paste(canvas: Pixels, patch: Pixels, x: int, y: int) -> None:
    """Lay a uint8 (h, w, 3) patch on a uint8 (H, W, 3) canvas with its top left corner at (x, y).

    It is moved to stay inside.
    """
    height, width = canvas.shape[:2]
    x = max(min(x, width - patch.shape[1]), 0)
    y = max(min(y, height - patch.shape[0]), 0)
    part = patch[: height - y, : width - x]
    canvas[y : y + part.shape[0], x : x + part.shape[1]] = part
