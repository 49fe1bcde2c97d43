import numpy as np
import pytest

from fer_core import EMOTIONS, FaceEmotion
from fer_core.images.boxes import Box
from fer_core.images.colors import rgb_of
from fer_core.labels import COLORS, UNCERTAIN_COLOR
from fer_core.recognition import Detection
from fer_core.recognition.drawing import annotate, caption, chip, paste


def face(box: Box, emotion: str = "sad", uncertain: bool = False) -> FaceEmotion:
    probabilities = np.full(7, 0.05, np.float32)
    probabilities[EMOTIONS.index(emotion)] = 0.7
    return FaceEmotion(Detection(box, 1.0), probabilities, uncertain)


@pytest.mark.parametrize("uncertain", [False, True])
def test_the_box_has_the_emotions_colour(uncertain: bool) -> None:
    blank = np.zeros((300, 400, 3), np.uint8)
    drawn = annotate(blank, [face(Box(100, 100, 200, 200), uncertain=uncertain)])
    color = rgb_of(UNCERTAIN_COLOR if uncertain else COLORS["sad"])
    assert (drawn[150:190, 98:103] == color).all(axis=2).any(axis=1).all()
    assert blank.max() == 0


@pytest.mark.parametrize(
    "box", [Box(0, 0, 5, 5), Box(380, 280, 400, 300), Box(0, 0, 400, 300), Box(9, 9, 9, 9)]
)
def test_labels_stay_inside(box: Box) -> None:
    assert annotate(np.zeros((300, 400, 3), np.uint8), [face(box)]).shape == (300, 400, 3)


def test_tiny_pictures_can_be_drawn_on() -> None:
    assert annotate(np.zeros((1, 1, 3), np.uint8), [face(Box(0, 0, 1, 1))]).shape == (1, 1, 3)


def test_captions() -> None:
    assert caption(face(Box(0, 0, 1, 1))) == "sad 70%"
    assert caption(face(Box(0, 0, 1, 1), uncertain=True)) == "uncertain (sad 70%)"


def test_chips_are_shared_and_read_only() -> None:
    one = chip("sad 70%", COLORS["sad"], 16)
    assert one is chip("sad 70%", COLORS["sad"], 16)
    with pytest.raises(ValueError, match="read-only"):
        one[0, 0] = 0
    assert (one == rgb_of(COLORS["sad"])).all(axis=2).mean() > 0.4
    assert (one != rgb_of(COLORS["sad"])).any()


@pytest.mark.parametrize(("x", "y"), [(0, 0), (-50, -50), (500, 500), (3, 3)])
def test_paste_moves_the_patch_inside(x: int, y: int) -> None:
    canvas = np.zeros((10, 12, 3), np.uint8)
    paste(canvas, np.full((4, 5, 3), 255, np.uint8), x, y)
    assert (canvas == 255).sum() == 4 * 5 * 3
