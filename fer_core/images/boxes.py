"""Boxes. Every box is ``xyxy`` in float pixels; x grows to the right, y downwards."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle from its top left corner (x1, y1) to its bottom right corner (x2, y2).

    Raises:
        ValueError: A coordinate is not finite, or a side is negative.
    """

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, self.xyxy)) or self.x2 < self.x1 or self.y2 < self.y1:
            raise ValueError(f"A box needs finite x1 <= x2 and y1 <= y2. Received: {self.xyxy}.")

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """The four coordinates."""
        return self.x1, self.y1, self.x2, self.y2

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height

    @property
    def center(self) -> tuple[float, float]:
        """The centre (x, y)."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    def scale(self, factor: float) -> "Box":
        """Return the same box in an image ``factor`` times as large."""
        return Box(*(value * factor for value in self.xyxy))

    def recenter(
        self, old: tuple[int, int], new: tuple[int, int], factor: float | None = None
    ) -> "Box":
        """Return the same box in an image of another size that shows the same around its middle.

        Args:
            old: Width and height of the image so far in pixels.
            new: Width and height of the other image.
            factor: Scale from one to the other; the ratio of their longer sides if None.
        """
        factor = max(new) / max(old) if factor is None else factor
        right, down = ((b - a * factor) / 2 for a, b in zip(old, new, strict=True))
        x1, y1, x2, y2 = self.scale(factor).xyxy
        return Box(x1 + right, y1 + down, x2 + right, y2 + down)

    def clip(self, width: float, height: float) -> "Box":
        """Return the part inside an image of this size in pixels; zero area if outside."""
        return Box(
            min(max(self.x1, 0.0), width),
            min(max(self.y1, 0.0), height),
            min(max(self.x2, 0.0), width),
            min(max(self.y2, 0.0), height),
        )


def intersection(a: Box, b: Box) -> float:
    """Return the shared area of two boxes in square pixels."""
    width = min(a.x2, b.x2) - max(a.x1, b.x1)
    height = min(a.y2, b.y2) - max(a.y1, b.y1)
    return max(width, 0.0) * max(height, 0.0)


def iou(a: Box, b: Box) -> float:
    """Return the intersection over union, 0..1; 0 where both boxes are empty."""
    shared = intersection(a, b)
    union = a.area + b.area - shared
    return shared / union if union > 0 else 0.0
