"""Occlusions that occur in front of a webcam: a mask, a hand, sunglasses, drawn onto face crops.

Every function takes a face crop, uint8 (H, W), (H, W, 1) or (H, W, 3) RGB, framed as FER-2013 does
(eyes at about 0.38 of the height, the mouth at 0.75), a severity and a random generator; the result
has the same shape. Shape, tone and texture are drawn from the generator.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from fer_core.types import Numbers, Pixels

SCARVES: Final = 0.25
"""Share of the masks that are as wide as the crop and straight above."""

SMOOTH: Final = 4
"""Fractional bits of OpenCV's coordinates, so that edges lie between pixels."""


def mask(image: Pixels, percent: float, random: np.random.Generator) -> Pixels:
    """Cover the lower ``percent`` of uint8 (H, W, 3) or (H, W) by a mask or, at times, a scarf."""
    top = 1 - percent / 100
    nose = top - random.uniform(0.02, 0.08)
    cheek = top + random.uniform(0.0, 0.08)
    left, right = random.uniform(-0.02, 0.1), random.uniform(0.9, 1.02)
    chin = random.uniform(0.93, 1.15)
    outline = [
        (left, cheek), (0.3, (cheek + nose) / 2), (0.5 + random.uniform(-0.04, 0.04), nose),
        (0.7, (cheek + nose) / 2), (right, cheek), (right - 0.03, 0.85), (0.7, chin), (0.3, chin),
        (left + 0.03, 0.85),
    ]  # fmt: skip
    if random.random() < SCARVES:
        tilt = random.uniform(-0.05, 0.05)
        outline = [(-0.1, top + tilt), (1.1, top - tilt), (1.1, 1.1), (-0.1, 1.1)]
    layer = _plain(image, _tone(image, random))
    for fold in np.linspace(top + 0.1, 0.95, int(random.integers(0, 4))):
        line = np.array([(left, fold), (0.5, fold + 0.02), (right, fold)])
        cv2.polylines(layer, [_points(line, image)], False, _darker(layer), 1, cv2.LINE_AA, SMOOTH)
    return _blend(image, layer, [np.array(outline)], random)


def hand(image: Pixels, percent: float, random: np.random.Generator) -> Pixels:
    """Cover the lower ``percent`` of uint8 (H, W, 3) or (H, W) by a hand of the face's own tone."""
    top = 1 - percent / 100
    height, width = image.shape[:2]
    skin = image[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3]
    tone = skin.reshape(-1, *skin.shape[2:]).mean(axis=0) * random.uniform(0.75, 1.2)
    layer = _plain(image, np.atleast_1d(np.clip(tone, 0, 255)))
    tilt, middle = random.uniform(-0.5, 0.5), random.uniform(0.35, 0.65)
    palm = _ellipse((middle, 1.0), (random.uniform(0.38, 0.55), 1 - top - 0.12), tilt / 2)
    shapes, gaps = [palm], []
    fingers = int(random.integers(3, 6))
    for number in range(fingers):
        x = middle + (number - (fingers - 1) / 2) * random.uniform(0.13, 0.18)
        tip = np.array((x + 0.35 * tilt, top + random.uniform(-0.02, 0.1)))
        root = np.array((x, 1.05))
        shapes.append(
            _ellipse((tip + root) / 2, (0.075, float(np.linalg.norm(root - tip)) / 2), tilt / 2)
        )
        gaps.append(np.array((tip, root)) + np.array(((0.07, 0.08), (0.07, 0))))
    for gap in gaps:
        cv2.polylines(layer, [_points(gap, image)], False, _darker(layer), 1, cv2.LINE_AA, SMOOTH)
    return _blend(image, layer, shapes, random)


def sunglasses(image: Pixels, percent: float, random: np.random.Generator) -> Pixels:
    """Cover the eyes of uint8 (H, W, 3) or (H, W) by glasses or a bar of ``percent`` of H."""
    y, half = random.uniform(0.36, 0.42), percent / 200
    if random.random() < 0.3:
        shapes = [np.array([(0, y - half), (1, y - half), (1, y + half), (0, y + half)])]
    else:
        wide = random.uniform(0.17, 0.23)
        shapes = [_ellipse((x, y), (wide, half), 0) for x in (0.28, 0.72)]
        bridge = np.array([(0, y - 0.03), (1, y - 0.03), (1, y + 0.01), (0, y + 0.01)])
        shapes.append(bridge)
    tone = np.full(_channels(image), random.uniform(0, 70))
    return _blend(image, _plain(image, tone), shapes, random)


OCCLUDERS: Final[dict[Callable[..., Pixels], tuple[float, float]]] = {
    mask: (38, 58),
    hand: (38, 58),
    sunglasses: (18, 34),
}
"""Ranges of the severities that training draws from, percent of the face's height."""


def occlude(images: Pixels, share: float, seed: tuple[int, ...]) -> Pixels:
    """Return training images of which about ``share`` are covered in part.

    Args:
        images: uint8 (N, S, S, C).
        share: Of the images, 0..1; each of them gets one of ``OCCLUDERS``.
        seed: Decides everything.
    """
    if not share:
        return images
    random = np.random.default_rng(seed)
    result = images.copy()
    occluders = list(OCCLUDERS.items())
    for row in np.flatnonzero(random.random(len(images)) < share):
        occluder, (low, high) = occluders[random.integers(len(occluders))]
        result[row] = occluder(result[row], random.uniform(low, high), random)
    return result


def _channels(image: Pixels) -> int:
    return image.shape[2] if image.ndim == 3 else 1


def _tone(image: Pixels, random: np.random.Generator) -> Numbers:
    """Return the tone of a cloth, float (C,): white, black, or any, with a little colour."""
    base = random.choice([235.0, 30.0, random.uniform(0, 255)], p=[0.35, 0.2, 0.45])
    return np.asarray(np.clip(base + random.uniform(-25, 25, _channels(image)), 0, 255))


def _plain(image: Pixels, tone: Numbers) -> Pixels:
    """Return an image of one tone, lit from above, uint8 (H, W, C)."""
    height, width = image.shape[:2]
    light = np.linspace(1.05, 0.85, height)[:, None, None]
    rows = np.clip(np.broadcast_to(tone, (height, width, _channels(image))) * light, 0, 255)
    return np.ascontiguousarray(rows.astype(np.uint8))


def _darker(layer: Pixels) -> tuple[float, ...]:
    return tuple(0.7 * float(value) for value in layer.mean(axis=(0, 1)))


def _ellipse(center: object, axes: tuple[float, float], angle: float) -> Numbers:
    """Return the outline of an ellipse in shares of the sides, float (K, 2); ``angle`` in rad."""
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    x, y = axes[0] * np.cos(turn), axes[1] * np.sin(turn)
    cos, sin = np.cos(angle), np.sin(angle)
    turned = np.stack([x * cos - y * sin, x * sin + y * cos], axis=1)
    return np.asarray(turned + np.asarray(center))


def _points(outline: Numbers, image: Pixels) -> Pixels:
    """Return an outline in shares of the sides as OpenCV's fixed-point pixels, int32 (K, 1, 2)."""
    height, width = image.shape[:2]
    scaled = outline * (width, height) * (1 << SMOOTH)
    return np.round(scaled).astype(np.int32)[:, None]  # type: ignore[return-value]


def _blend(
    image: Pixels, layer: Pixels, shapes: list[Numbers], random: np.random.Generator
) -> Pixels:
    """Return ``layer`` within the shapes, with grain and a soft edge, and ``image`` outside."""
    inside = np.zeros(image.shape[:2], np.uint8)
    for shape in shapes:
        cv2.fillPoly(inside, [_points(shape, image)], 255, cv2.LINE_AA, SMOOTH)
    share = cv2.blur(inside, (3, 3)).astype(np.float32)[..., None] / 255
    grain = random.normal(0, random.uniform(0, 5), (*image.shape[:2], 1)).astype(np.float32)
    faces = image.reshape(layer.shape).astype(np.float32)
    mixed = faces * (1 - share) + (layer + grain) * share
    return np.clip(mixed, 0, 255).astype(np.uint8).reshape(image.shape)
