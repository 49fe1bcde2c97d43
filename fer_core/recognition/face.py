"""A detected face, its emotion, and the rules by which detections of the same face are merged."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from fer_core.images.boxes import Box, intersection, iou
from fer_core.labels import EMOTIONS
from fer_core.types import Pixels, Probabilities


@dataclass(frozen=True, slots=True)
class Detection:
    """One face.

    Attributes:
        box: Pixels of the image, clipped to it.
        score: 0..1. YuNet's own; for Haar a monotone map of the cascade's last stage.
        roll: Degrees by which the face leans clockwise, above -180 up to 180; 0 where no
            landmarks are known. YuNet's points follow a lean only in part (median 12 for a true
            15, 22 for 30, on 20 faces turned by known angles), so a crop ends up closer to
            upright, not always on it.
        landmarks: (x, y) in pixels of the image: right eye, left eye, nose, right and left corner
            of the mouth, right and left as the person's own; empty where the detector has none.
    """

    box: Box
    score: float
    roll: float = 0.0
    landmarks: tuple[tuple[float, float], ...] = ()

    @classmethod
    def of_crop(cls, crop: Pixels) -> Self:
        """Return the face that fills ``crop``, uint8 (H, W) or (H, W, 3): nothing was detected."""
        height, width = crop.shape[:2]
        return cls(Box(0, 0, width, height), 1.0)

    def scale(self, factor: float) -> "Detection":
        """Return the same face in an image ``factor`` times as large."""
        if factor == 1:
            return self
        points = tuple((x * factor, y * factor) for x, y in self.landmarks)
        return replace(self, box=self.box.scale(factor), landmarks=points)

    def shift(self, x: float, y: float) -> "Detection":
        """Return the same face moved by ``x`` pixels to the right and ``y`` downwards."""
        x1, y1, x2, y2 = self.box.xyxy
        points = tuple((px + x, py + y) for px, py in self.landmarks)
        return replace(self, box=Box(x1 + x, y1 + y, x2 + x, y2 + y), landmarks=points)

    def turn(self, quarters: int, side: float) -> "Detection":
        """Return the same face after a square image is turned counter-clockwise.

        Args:
            quarters: Number of quarter turns, 0 to 3, as ``numpy.rot90`` counts them.
            side: Side of the square in pixels.
        """
        face = self
        for _ in range(quarters):
            x1, y1, x2, y2 = face.box.xyxy
            face = replace(
                face,
                box=Box(y1, side - x2, y2, side - x1),
                landmarks=tuple((y, side - x) for x, y in face.landmarks),
            )
        roll = self.roll - 90 * quarters
        return replace(face, roll=roll + 360 if roll <= -180 else roll)

    def clip(self, width: float, height: float) -> "Detection":
        """Return the same face with its box clipped to ``width`` by ``height`` pixels."""
        return replace(self, box=self.box.clip(width, height))


def merge(detections: Iterable[Detection], fixed: Iterable[Detection] = ()) -> list[Detection]:
    """Return the best detection of every face, highest score first.

    Args:
        detections: Several may show the same face: they overlap or lie inside one another.
        fixed: Detections that stay whatever their score; they come first in the result.
    """
    best = list(fixed)
    for detection in sorted(detections, key=lambda d: d.score, reverse=True):
        if detection.box.area > 0 and not any(_same_face(detection.box, b.box) for b in best):
            best.append(detection)
    return best


def _same_face(a: Box, b: Box) -> bool:
    return iou(a, b) > 0.4 or intersection(a, b) > 0.8 * min(a.area, b.area)


@dataclass(frozen=True, slots=True, eq=False)
class FaceEmotion:
    """One face and the emotion of its expression.

    Attributes:
        detection: The detector's box, score, roll and landmarks, in pixels of the image.
        probabilities: float32 (7,), calibrated, in ``EMOTIONS`` order; sums to 1.
        uncertain: The largest probability is below the model card's abstain threshold, or there
            is a ``reason``.
        crop: The face as the network saw it, uint8 (S, S, 3) or (S, S); None for a face restored
            from a file.
        reason: Why the face cannot be judged, such as ``covered``; empty where that is not known.
    """

    detection: Detection
    probabilities: Probabilities
    uncertain: bool
    crop: Pixels | None = None
    reason: str = ""

    @property
    def box(self) -> Box:
        """Float pixels of the image, clipped to it."""
        return self.detection.box

    @property
    def detection_score(self) -> float:
        """Confidence of the detector that this is a face, 0..1."""
        return self.detection.score

    @property
    def roll(self) -> float:
        """Degrees by which the crop was turned upright; 0 where no landmarks are known."""
        return self.detection.roll

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return EMOTIONS[int(np.argmax(self.probabilities))]

    @property
    def confidence(self) -> float:
        """Probability of ``emotion``."""
        return float(np.max(self.probabilities))

    def scale(self, factor: float) -> Self:
        """Return the same face in an image ``factor`` times as large."""
        return replace(self, detection=self.detection.scale(factor)) if factor != 1 else self
