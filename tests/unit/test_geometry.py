import math

import pytest

from fer_core.images.boxes import Box, intersection, iou


@pytest.mark.parametrize(
    ("box", "other", "shared", "expected"),
    [
        (Box(0, 0, 10, 10), Box(0, 0, 10, 10), 100, 1.0),
        (Box(0, 0, 10, 10), Box(5, 0, 15, 10), 50, 1 / 3),
        (Box(0, 0, 10, 10), Box(10, 0, 20, 10), 0, 0.0),
        (Box(0, 0, 10, 10), Box(50, 50, 60, 60), 0, 0.0),
        (Box(0, 0, 10, 10), Box(2, 2, 4, 4), 4, 0.04),
        (Box(3, 3, 3, 3), Box(3, 3, 3, 3), 0, 0.0),
    ],
    ids=["same", "half", "touching", "apart", "inside", "empty"],
)
def test_overlap(box: Box, other: Box, shared: float, expected: float) -> None:
    assert intersection(box, other) == intersection(other, box) == shared
    assert iou(box, other) == iou(other, box) == pytest.approx(expected)


@pytest.mark.parametrize(
    "corners", [(1, 0, 0, 1), (0, 1, 1, 0), (math.nan, 0, 1, 1), (0, 0, math.inf, 1)]
)
def test_impossible_boxes_are_refused(corners: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="finite"):
        Box(*corners)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(-5, -5, 5, 5), Box(0, 0, 5, 5)),
        (Box(90, 40, 120, 70), Box(90, 40, 100, 50)),
        (Box(200, 200, 210, 210), Box(100, 50, 100, 50)),
        (Box(1.5, 2.5, 3.5, 4.5), Box(1.5, 2.5, 3.5, 4.5)),
    ],
)
def test_clip_keeps_the_part_inside(box: Box, expected: Box) -> None:
    assert box.clip(100, 50) == expected


def test_measures() -> None:
    box = Box(10, 20, 40, 80)
    assert (box.width, box.height, box.area, box.center) == (30, 60, 1800, (25, 50))
    assert box.scale(0.5) == Box(5, 10, 20, 40)
