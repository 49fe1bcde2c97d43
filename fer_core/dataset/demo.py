"""The built-in demo: cartoon faces drawn by code, imbalanced and with known flaws.

It lets the dashboard be tried on a machine that holds no data, and it needs no one's photo. The
seven expressions differ in brows, eyes and mouth as Ekman and Friesen's descriptions do, so that a
network can learn them; what it learns says nothing about real faces.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from fer_core.dataset import image_reading, store
from fer_core.errors import DatasetError
from fer_core.labels import EMOTIONS
from fer_core.types import Pixels

NAME: Final = "demo"
COUNTS: Final = {
    "train": {"angry": 120, "disgust": 16, "fear": 110, "happy": 240, "neutral": 170, "sad": 150,
              "surprise": 94},
    "validation": dict.fromkeys(EMOTIONS, 20),
    "test": dict.fromkeys(EMOTIONS, 20),
}  # fmt: skip
"""Images of each class, in about FER-2013's proportions for training."""

WRONG, COPIED, BLANK = 18, 12, 2
"""Flaws in the training split: wrong labels, test images copied into it, blank images."""

Vary = Callable[[float], float]  # a draw around 0 with the given spread
_DRAWN: Final = 192  # drawn at four times the size, then scaled down: smooth edges
SIDE: Final = 48


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression by its parts, in the units of a face of height 2.

    Attributes:
        brow: Height of the brows.
        slant: Height of their inner ends above the outer.
        eye: Opening of the eyes, 1 as usual.
        smile: Height of the corners of the mouth.
        gape: Opening of the mouth.
        width: Half the width of the mouth.
        wrinkle: True for a wrinkled nose.
    """

    brow: float
    slant: float
    eye: float
    smile: float
    gape: float
    width: float
    wrinkle: bool = False


EXPRESSIONS: Final = {
    "angry": Expression(-0.07, -0.10, 0.75, -0.06, 0.00, 0.26),
    "disgust": Expression(-0.05, -0.05, 0.50, -0.12, 0.10, 0.24, wrinkle=True),
    "fear": Expression(0.08, 0.09, 1.35, -0.05, 0.16, 0.32),
    "happy": Expression(0.02, 0.00, 0.70, 0.17, 0.12, 0.36),
    "neutral": Expression(0.00, 0.00, 0.95, 0.00, 0.00, 0.27),
    "sad": Expression(0.02, 0.12, 0.60, -0.14, 0.00, 0.25),
    "surprise": Expression(0.13, 0.00, 1.40, 0.00, 0.34, 0.17),
}


def make(home: Path | None = None, seed: int = 7) -> Path:
    """Return the folder of the demo dataset, drawn unless it is there; a seed fixes its bytes.

    Raises:
        DatasetError: It cannot be written.
    """
    folder = (home or store.default_home()) / NAME
    if folder.is_dir():
        return folder
    try:
        with store.new_dataset(NAME, 8_000_000, home) as new:
            _write(new, np.random.default_rng(seed))
    except DatasetError:
        if not folder.is_dir():  # another visitor may just have drawn it
            raise
    return folder


def is_drawn(root: Path) -> bool:
    """Return whether a dataset is the demo or was balanced from it."""
    try:
        about = json.loads((root / "version.json").read_text("utf-8"))
        return is_drawn(Path(about["source"]))
    except (OSError, ValueError, KeyError, TypeError):
        return root.name == NAME


def _write(folder: Path, random: np.random.Generator) -> None:
    def save(path: str, face: Pixels) -> None:
        """Write a face, uint8 (48, 48)."""
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(image_reading.png(face))

    for split, counts in COUNTS.items():
        for emotion, count in counts.items():
            for number in range(count):
                save(f"{split}/{emotion}/{number:04}.png", draw_face(emotion, random))
    for number in range(WRONG):
        label, wrong_label = random.permutation(EMOTIONS)[:2].tolist()
        save(f"train/{wrong_label}/wrong-{number:02}-is-{label}.png", draw_face(label, random))
    for number in range(COPIED):
        emotion = EMOTIONS[number % len(EMOTIONS)]
        face = image_reading.read(folder / "test" / emotion / f"{number:04}.png")
        save(f"train/{emotion}/copy-{number:02}.png", face)
    for number in range(BLANK):
        save(f"train/neutral/blank-{number}.png", np.full((SIDE, SIDE), 60 + 90 * number, np.uint8))


def draw_face(emotion: str, random: np.random.Generator) -> Pixels:
    """Return a drawn face, uint8 (48, 48) grey, with random look, pose and light."""

    def vary(spread: float) -> float:
        return float(random.normal(0, spread))

    mood = EXPRESSIONS[emotion]
    skin, dark = int(random.integers(120, 225)), int(random.integers(15, 60))
    patches = random.integers(20, 250, (3, 3)).astype(np.uint8)
    smooth = cv2.resize(patches, (_DRAWN, _DRAWN), interpolation=cv2.INTER_LINEAR)
    canvas = np.asarray(smooth, np.uint8)
    pen = _Pen(canvas, 96 * (1 + vary(0.05)), (96 + vary(4), 96 + vary(4)), dark)
    width = 0.68 + vary(0.05)
    pen.oval((0, -0.12), (width + 0.12, 0.92), dark + int(random.integers(0, 90)))  # hair
    pen.oval((0, 0.05), (width, 0.88), skin)
    eye_distance, level = 0.29 + vary(0.02), -0.12 + vary(0.02)
    for side in (-1, 1):
        _eye(pen, side, (side * eye_distance, level), mood, vary)
    pen.curve([(0, level + 0.08), (0.05, 0.16), (-0.05, 0.2)], 0.02)
    if mood.wrinkle:
        for height in (0.0, 0.06):
            pen.curve([(-0.12, height + 0.02), (0, height - 0.03), (0.12, height + 0.02)], 0.02)
    _mouth(pen, mood, vary)
    return _photograph(canvas, random)


_T: Final = np.linspace(0, 1, 24)
_PARABOLA: Final = ((1 - _T) * (1 - 2 * _T), 4 * _T * (1 - _T), _T * (2 * _T - 1))
"""Weights of the first, middle and last point along a curve."""

_ACROSS: Final = np.linspace(-1, 1, SIDE, dtype=np.float32)


class _Pen:
    """Draws in face units: the middle is (0, 0), the face reaches from -1 to 1."""

    def __init__(
        self, canvas: Pixels, unit: float, middle: tuple[float, float], color: int
    ) -> None:
        self.canvas, self.unit, self.middle, self.color = canvas, unit, middle, color

    def _pixel(self, point: tuple[float, float]) -> tuple[int, int]:
        x, y = (round(m + self.unit * p) for m, p in zip(self.middle, point, strict=True))
        return x, y

    def oval(self, middle: tuple[float, float], radii: tuple[float, float], color: int) -> None:
        size = tuple(max(round(self.unit * radius), 1) for radius in radii)
        cv2.ellipse(self.canvas, self._pixel(middle), size, 0, 0, 360, color, -1, cv2.LINE_AA)

    def curve(self, points: list[tuple[float, float]], width: float) -> None:
        """Draw a parabola through three points."""
        (x0, y0), (x1, y1), (x2, y2) = points
        a, b, c = _PARABOLA
        line = np.column_stack([a * x0 + b * x1 + c * x2, a * y0 + b * y1 + c * y2])
        pixels = np.rint(np.asarray(self.middle) + self.unit * line).astype(np.int32)
        thick = max(round(self.unit * width), 1)
        cv2.polylines(self.canvas, [pixels], False, self.color, thick, cv2.LINE_AA)


def _eye(pen: _Pen, side: int, at: tuple[float, float], mood: Expression, vary: Vary) -> None:
    x, y = at
    opening = max(0.085 * mood.eye * (1 + vary(0.1)), 0.02)
    pen.oval((x, y), (0.14, opening), 245)
    pen.oval((x + vary(0.015), y), (0.055, min(0.055, opening)), pen.color)
    lift, slant = mood.brow + vary(0.015), mood.slant + vary(0.015)
    outer = (x + side * 0.17, y - 0.2 - lift + slant / 2)
    inner = (x - side * 0.15, y - 0.2 - lift - slant / 2)
    pen.curve([outer, (x, y - 0.23 - lift), inner], 0.05)


def _mouth(pen: _Pen, mood: Expression, vary: Vary) -> None:
    y, smile = 0.5 + vary(0.02), mood.smile + vary(0.015)
    half, gape = mood.width * (1 + vary(0.08)), mood.gape * (1 + vary(0.15))
    if gape > 0.03:
        pen.oval((0, y + 0.3 * smile), (half * 0.85, gape / 2), pen.color)
    pen.curve([(-half, y - smile / 2), (0, y + smile / 2), (half, y - smile / 2)], 0.045)


def _photograph(canvas: Pixels, random: np.random.Generator) -> Pixels:
    """Return the face turned, scaled down, lit from one side and with noise: uint8 (48, 48)."""
    matrix = cv2.getRotationMatrix2D((96, 96), float(random.normal(0, 5)), 1.0)
    turned = cv2.warpAffine(canvas, matrix, (_DRAWN, _DRAWN), borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(turned, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    light = _ACROSS * random.normal(0, 18)
    grain = random.normal(0, random.uniform(1, 7), (SIDE, SIDE))
    return np.clip(small + light + grain, 0, 255).astype(np.uint8)
