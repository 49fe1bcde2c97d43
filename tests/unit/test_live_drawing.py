"""Video pictures: conversion, and drawing on them."""

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange

from fer_core.images import yuv as canvas
from fer_core.images.boxes import Box
from fer_core.labels import COLORS, UNCERTAIN_COLOR
from fer_core.recognition import video_drawing
from tests.unit.live_stubs import picture, tracked


@pytest.mark.parametrize(
    ("width", "height", "kept"),
    [(640, 480, (480, 640)), (642, 362, (362, 642)), (641, 481, (480, 640)), (2, 2, (2, 2))],
)
@pytest.mark.parametrize("form", ["rgb24", "yuv420p"])
def test_any_frame_becomes_i420(width, height, kept, form):
    frame = av.VideoFrame(width, height, "rgb24")
    yuv = canvas.from_frame(frame.reformat(format=form))
    assert (yuv.dtype, canvas.to_rgb(yuv).shape) == (np.uint8, (*kept, 3))
    assert canvas.to_frame(yuv).format.name == "yuv420p"


@pytest.mark.parametrize("form", ["yuvj420p", "yuv420p", "yuv444p", "rgb24"])
@pytest.mark.parametrize("color_range", [ColorRange.MPEG, ColorRange.JPEG])
def test_a_frame_of_any_range_keeps_its_contrast(form, color_range):
    wedge = np.repeat(np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], 64, 0), 3, 2)
    if form.startswith("yuvj"):
        color_range = ColorRange.JPEG
    frame = av.VideoFrame.from_ndarray(wedge, format="rgb24")
    if form != "rgb24":
        frame = frame.reformat(format=form, dst_color_range=color_range)
        frame.color_range = color_range
    assert np.abs(canvas.to_rgb(canvas.from_frame(frame)).astype(int) - wedge).mean() < 3


def test_colours_survive_the_way_there_and_back():
    rgb = np.zeros((60, 80, 3), np.uint8)
    rgb[:, 40:] = (213, 94, 0)
    again = canvas.to_rgb(canvas.from_rgb(rgb))
    assert np.abs(again.astype(int) - rgb).max() <= 6


def test_mirror_swaps_left_and_right_and_nothing_else():
    rgb = np.random.default_rng(1).integers(0, 255, (30, 50, 3), np.uint8).repeat(2, 0).repeat(2, 1)
    yuv = canvas.from_rgb(rgb)
    assert np.array_equal(canvas.to_rgb(canvas.mirror(yuv)), canvas.to_rgb(yuv)[:, ::-1])
    assert np.array_equal(canvas.mirror(canvas.mirror(yuv)), yuv)


@pytest.mark.parametrize(
    ("corners", "changed"),
    [
        ((10, 10, 20, 30), 200),
        ((-50, -50, 4, 4), 16),
        ((630, 470, 900, 900), 100),
        ((700, 700, 900, 900), 0),
        ((10, 10, 10, 10), 0),
    ],
)
def test_fill_stays_inside(corners, changed):
    yuv = picture(0)
    canvas.Canvas(yuv).fill(*corners, "#FFFFFF")
    assert (canvas.planes(yuv)[0] > 100).sum() == changed


@pytest.mark.parametrize(
    "box",
    [
        Box(100, 100, 200, 220),
        Box(0, 0, 640, 480),
        Box(600, 440, 640, 480),
        Box(0, 0, 0, 0),
        Box(630, 0, 640, 10),
    ],
)
@pytest.mark.parametrize("size", [(640, 480), (64, 48), (2, 2), (1280, 720)])
def test_faces_anywhere_can_be_drawn_on_any_picture(box, size):
    yuv = picture(80, *size)
    video_drawing.draw(yuv, [tracked(box=box.clip(*size))])
    assert yuv.shape == (size[1] * 3 // 2, size[0])


def test_the_box_has_the_colour_of_the_emotion_and_grey_where_uncertain():
    for face, color in ((tracked(), COLORS["happy"]), (tracked(uncertain=True), UNCERTAIN_COLOR)):
        yuv = picture(120)
        video_drawing.draw(yuv, [face], bars=False)
        on_line = canvas.to_rgb(yuv)[200, 100]
        wanted = canvas.to_rgb(canvas.from_rgb(np.full((2, 2, 3), canvas.rgb_of(color), np.uint8)))
        assert np.abs(on_line.astype(int) - wanted[0, 0]).max() <= 3


def test_a_crowd_has_boxes_but_no_bars():
    few, many = ([tracked(i, Box(60 * i, 100, 60 * i + 20, 130)) for i in range(n)] for n in (3, 4))
    panel = canvas.yuv_of(video_drawing.PANEL)[0]
    for faces, shown in ((few, True), (many, False)):
        yuv = picture(120)
        video_drawing.draw(yuv, faces)
        assert bool((canvas.planes(yuv)[0] == panel).sum() > 1000) == shown


def test_the_bars_of_two_people_do_not_cover_each_other():
    """The left one's would stand on the right, and the right one's fit on the left only."""
    yuv = picture(120)
    faces = [tracked(1, Box(260, 100, 360, 220)), tracked(2, Box(500, 100, 600, 220))]
    video_drawing.draw(yuv, faces)
    panel = canvas.yuv_of(video_drawing.PANEL)[0]
    columns = np.where((canvas.planes(yuv)[0] == panel).sum(axis=0) > 20)[0]
    assert ((columns < 260) | (columns > 360)).all()
    assert 150 < columns.min() < columns[columns < 260].max() < 260  # left of the left face
    assert 390 < columns[columns > 360].min() < columns.max() < 500  # left of the right face
