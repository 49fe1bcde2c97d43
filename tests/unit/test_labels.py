import itertools

import numpy as np
import pytest
from skimage.color import rgb2lab

from fer_core.images.colors import rgb_of
from fer_core.labels import COLORS, EMOTIONS, UNCERTAIN_COLOR
from fer_core.recognition.drawing import ink

# Machado, Oliveira, Fernandes (2009), severity 1.0, on linear RGB.
SIGHT = {
    "full": np.eye(3),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
}


def seen(color: str, matrix: np.ndarray) -> np.ndarray:
    srgb = np.array(rgb_of(color)) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    back = np.clip(matrix @ linear, 0, 1)
    return rgb2lab(np.where(back <= 0.0031308, back * 12.92, 1.055 * back ** (1 / 2.4) - 0.055))


def test_emotions_are_alphabetical_and_coloured() -> None:
    assert list(EMOTIONS) == sorted(EMOTIONS) == list(COLORS)


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_stay_apart(sight: str) -> None:
    colors = [*COLORS.values(), UNCERTAIN_COLOR]
    for one, other in itertools.combinations(colors, 2):
        distance = np.linalg.norm(seen(one, SIGHT[sight]) - seen(other, SIGHT[sight]))
        assert distance > 12, (one, other)


@pytest.mark.parametrize("color", [*COLORS.values(), UNCERTAIN_COLOR])
def test_letters_on_every_colour_have_contrast(color: str) -> None:
    def luminance(name: str) -> float:
        part = np.array(rgb_of(name)) / 255
        linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    dark, light = sorted([luminance(color), luminance(ink(color))])
    assert (light + 0.05) / (dark + 0.05) >= 4.5
