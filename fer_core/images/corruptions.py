"""Corruptions that webcams bring and FER-2013 does not have, each at any severity.

The idea and the word are those of Hendrycks and Dietterich, Benchmarking neural network robustness
to common corruptions and perturbations, 2019. Evaluation applies them at fixed severities, training
at random ones. Every function takes an image, uint8 (H, W), (H, W, 1) or (H, W, 3) RGB, a severity
in its own unit, and a random generator; the result has the same shape. Where an image is turned or
moved, its edge pixels are repeated, as ``images.face_crop`` does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from fer_core.images import occluders
from fer_core.images.augment import Operation, apply
from fer_core.images.vp8 import compress
from fer_core.types import Pixels

FACE_SIDE: Final = 48
"""Blur and resolution are given for faces of so many pixels, FER-2013's own size."""


@dataclass(frozen=True, slots=True)
class Corruption:
    """One corruption.

    Attributes:
        title: Its name, for a user.
        wording: Format of a severity in words, such as ``quality {:g}``.
        unit: Unit of ``severities``, for an axis.
        severities: From mild to hard.
        standard: The severity that model cards report; one of ``severities``.
        apply: See the module.
    """

    title: str
    wording: str
    unit: str
    severities: tuple[float, ...]
    standard: float
    apply: Callable[[Pixels, float, np.random.Generator], Pixels]

    def describe(self, severity: float) -> str:
        """Return the corruption at a severity in words, such as ``JPEG, quality 30``."""
        return f"{self.title}, {self.wording.format(severity)}"


def blur(image: Pixels, sigma: float, _: np.random.Generator) -> Pixels:
    """Blur uint8 (H, W, 3) or (H, W) with a Gaussian; ``sigma`` in pixels of a 48-pixel face."""
    width = sigma * max(image.shape[:2]) / FACE_SIDE
    blurred = cv2.GaussianBlur(image, (0, 0), width, borderType=cv2.BORDER_REPLICATE)
    return _like(image, blurred)


def noise(image: Pixels, deviation: float, random: np.random.Generator) -> Pixels:
    """Add Gaussian noise to uint8 (H, W, 3) or (H, W); ``deviation`` in grey values."""
    seed = int(random.integers(2**63))
    return _like(image, apply(image.squeeze(), Operation(noise=deviation, seed=seed)))


def dark(image: Pixels, light: float, _: np.random.Generator) -> Pixels:
    """Leave the share ``light``, 0..1, of the light of uint8 (H, W, 3) or (H, W)."""
    return _like(image, cv2.convertScaleAbs(image, alpha=light))


def low_resolution(image: Pixels, side: float, _: np.random.Generator) -> Pixels:
    """Scale uint8 (H, W, 3) or (H, W) down to ``side`` pixels across, and up again."""
    height, width = image.shape[:2]
    small = cv2.resize(image, (round(side), round(side)), interpolation=cv2.INTER_AREA)
    return _like(image, cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def jpeg(image: Pixels, quality: float, _: np.random.Generator) -> Pixels:
    """Compress uint8 (H, W, 3) RGB or (H, W) as JPEG of ``quality``, 1..100, and decode it."""
    color = image.ndim == 3 and image.shape[2] == 3
    encoded = cv2.imencode(
        ".jpg",
        cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if color else image,
        [cv2.IMWRITE_JPEG_QUALITY, round(quality)],
    )[1]
    flags = cv2.IMREAD_COLOR_RGB if color else cv2.IMREAD_GRAYSCALE
    return _like(image, cv2.imdecode(encoded, flags))


def roll(image: Pixels, degrees: float, random: np.random.Generator) -> Pixels:
    """Turn uint8 (H, W, 3) or (H, W) by ``degrees`` to one side or the other."""
    angle = degrees if random.random() < 0.5 else -degrees
    return _like(image, apply(image.squeeze(), Operation(angle=angle)))


def shift(image: Pixels, percent: float, random: np.random.Generator) -> Pixels:
    """Move uint8 (H, W, 3) or (H, W) by ``percent`` of its side to the left, right, top, bottom."""
    direction = int(random.integers(4))
    by = percent / 100 * (1 if direction % 2 else -1)
    operation = Operation(shift_x=by) if direction < 2 else Operation(shift_y=by)
    return _like(image, apply(image.squeeze(), operation))


def occlusion(image: Pixels, percent: float, random: np.random.Generator) -> Pixels:
    """Cover ``percent`` of the area of uint8 (H, W, 3) or (H, W) with a grey square."""
    side = (percent / 100) ** 0.5
    left, top = random.random(2) * (1 - side)
    operation = Operation(
        erase_x=left, erase_y=top, erase_width=side, erase_height=side, erase_value=128.0
    )
    return _like(image, apply(image.squeeze(), operation))


def bright(image: Pixels, gain: float, _: np.random.Generator) -> Pixels:
    """Multiply the light of uint8 (H, W, 3) or (H, W) by ``gain``: highlights are clipped."""
    return _like(image, cv2.convertScaleAbs(image, alpha=gain))


def color_cast(image: Pixels, percent: float, random: np.random.Generator) -> Pixels:
    """Make uint8 (H, W, 3) RGB warmer or colder: red and blue by ``percent`` up and down.

    A grey image, (H, W), is what a grey network sees of that.
    """
    change = percent / 100 * (1 if random.random() < 0.5 else -1)
    gains = np.array([1 + change, 1.0, 1 - change], np.float32)
    if image.ndim == 3 and image.shape[2] == 3:
        return np.asarray(np.clip(image * gains, 0, 255), np.uint8)
    luma = float(gains @ np.array([0.299, 0.587, 0.114], np.float32))
    return _like(image, cv2.convertScaleAbs(image, alpha=luma))


def scale(image: Pixels, percent: float, random: np.random.Generator) -> Pixels:
    """Frame uint8 (H, W, 3) or (H, W) tighter or wider by ``percent`` of its side."""
    factor = 1 + percent / 100 if random.random() < 0.5 else 1 / (1 + percent / 100)
    return _like(image, apply(image.squeeze(), Operation(scale=factor)))


def mirror(image: Pixels, _: float, __: np.random.Generator) -> Pixels:
    """Flip uint8 (H, W, 3) or (H, W) horizontally; the severity means nothing."""
    return np.ascontiguousarray(image[:, ::-1])


def vp8(image: Pixels, kilobits: float, _: np.random.Generator) -> Pixels:
    """Compress uint8 (H, W, 3) or (H, W) as a video call of ``kilobits`` a second does."""
    return _like(image, compress(image.squeeze(), kilobits))


CORRUPTIONS: Final = {
    "blur": Corruption(
        "Blur", "sigma {:g} px", "sigma, pixels of a 48-pixel face", (0.5, 1, 1.5, 2, 3), 1, blur
    ),
    "noise": Corruption(
        "Noise", "deviation {:g}", "deviation, grey values", (5, 10, 15, 25, 40), 15, noise
    ),
    "dark": Corruption(
        "Darkness",
        "{:.0%} of the light",
        "share of the light",
        (0.7, 0.5, 0.3, 0.2, 0.1),
        0.3,
        dark,
    ),
    "resolution": Corruption(
        "Low resolution", "{:g} px across", "pixels across", (24, 20, 16, 12, 8), 24, low_resolution
    ),
    "jpeg": Corruption("JPEG", "quality {:g}", "quality", (75, 50, 30, 15, 10), 30, jpeg),
    "roll": Corruption("Roll", "{:g}°", "degrees to one side", (5, 10, 15, 20, 30), 15, roll),
    "shift": Corruption("Box shift", "{:g}%", "percent of the side", (5, 10, 15, 20), 10, shift),
    "occlusion": Corruption(
        "Occlusion", "{:g}% of the area", "percent of the area", (5, 10, 15, 20, 30), 15, occlusion
    ),
    "mirror": Corruption("Mirrored", "left to right", "mirrored", (1,), 1, mirror),
    "scale": Corruption(
        "Framing", "{:g}% tighter or wider", "percent of the side", (5, 10, 15, 20), 15, scale
    ),
    "bright": Corruption(
        "Overexposure", "{:g} times the light", "gain", (1.3, 1.6, 2, 2.5), 1.6, bright
    ),
    "cast": Corruption(
        "Colour cast", "red and blue by {:g}%", "percent", (10, 20, 30, 40), 20, color_cast
    ),
    "vp8": Corruption(
        "VP8", "{:g} kbit/s", "kbit/s of a stream of 320×240", (1000, 500, 250, 100), 250, vp8
    ),
    "mask": Corruption(
        "Mask", "over the lower {:g}%", "percent of the height", (40, 50, 60), 50, occluders.mask
    ),
    "hand": Corruption(
        "Hand", "over the lower {:g}%", "percent of the height", (40, 50, 60), 50, occluders.hand
    ),
    "sunglasses": Corruption(
        "Sunglasses",
        "{:g}% of the height",
        "percent of the height",
        (18, 26, 34),
        26,
        occluders.sunglasses,
    ),
}
"""By name, in the order of tables. The standard severities are mild: most webcams do as much."""

WEBCAM: Final[tuple[dict[str, tuple[float, float]], ...]] = (
    {"resolution": (19.2, 43.2)},
    {"blur": (0.5, 1.6)},
    {"dark": (0.15, 0.6), "noise": (2, 10)},
    {"jpeg": (15, 60)},
)
"""Ranges of the severities that training draws from: few pixels, out of focus, low light with a
sensor's grain, compression."""


def degrade_as_webcam(images: Pixels, share: float, seed: tuple[int, ...]) -> Pixels:
    """Return training images of which about ``share`` are degraded as by a webcam.

    Args:
        images: uint8 (N, S, S, C).
        share: Of the images, 0..1; each of them gets one or two entries of ``WEBCAM``.
        seed: Decides everything.
    """
    if not share:
        return images
    random = np.random.default_rng(seed)
    result = images.copy()
    for row in np.flatnonzero(random.random(len(images)) < share):
        for entry in random.permutation(len(WEBCAM))[: random.integers(1, 3)]:
            for name, (low, high) in WEBCAM[entry].items():
                severity = random.uniform(low, high)
                result[row] = CORRUPTIONS[name].apply(result[row], severity, random)
    return result


def _like(image: Pixels, changed: cv2.typing.MatLike | None) -> Pixels:
    """Return ``changed`` with the shape of ``image``: OpenCV drops a last axis of 1."""
    return np.asarray(changed, np.uint8).reshape(image.shape)
