"""YuNet in LiteRT gives the rows that OpenCV gives, and is converted once."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_core.models import litert_file
from fer_core.recognition import yunet_layouts
from fer_core.recognition.yunet_network import LiteRTYuNet, OpenCVYuNet, open_network
from tests.conftest import SHARED, YUNET, needs_shared, needs_yunet

pytestmark = needs_yunet
LEAST = 0.05


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[LiteRTYuNet, OpenCVYuNet]:
    litert = open_network(YUNET, tmp_path_factory.mktemp("cache"), LEAST)
    assert isinstance(litert, LiteRTYuNet)
    return litert, OpenCVYuNet(YUNET, LEAST)


def check_equal(networks: tuple[LiteRTYuNet, OpenCVYuNet], bgr: np.ndarray) -> int:
    """Compare all rows; scores within 1e-4 may change places."""
    rows, expected = (network.rows(bgr) for network in networks)
    assert rows.dtype == np.float32
    assert rows.shape == expected.shape
    np.testing.assert_allclose(rows[:, 14], expected[:, 14], atol=1e-4)
    for row in rows:
        nearest = expected[np.abs(expected - row).max(axis=1).argmin()]
        np.testing.assert_allclose(row[:14], nearest[:14], atol=0.02)
        np.testing.assert_allclose(row[14], nearest[14], atol=1e-4)
    return int((rows[:, 14] > 0.6).sum())


@pytest.mark.parametrize(
    ("height", "width"),
    [(480, 640), (512, 512), (333, 501), (64, 64), (65, 640), (96, 384), (300, 70), (1200, 1600)],
)
def test_rows_equal_those_of_opencv(networks, astronaut, height: int, width: int) -> None:
    photo = cv2.resize(astronaut[:300, 50:400], (width, height), interpolation=cv2.INTER_AREA)
    check_equal(networks, np.ascontiguousarray(photo[..., ::-1]))


def test_scenes_of_many_faces_equal_those_of_opencv(networks, astronaut) -> None:
    random = np.random.default_rng(0)
    faces = 0
    for _ in range(6):
        scene = random.integers(0, 256, (60, 80, 3), np.uint8)
        scene = cv2.resize(scene, (640, 480), interpolation=cv2.INTER_CUBIC)
        for _ in range(8):
            side = int(random.integers(30, 200))
            face = cv2.resize(
                astronaut[20:230, 110:320], (side, side), interpolation=cv2.INTER_AREA
            )
            y, x = (int(random.integers(0, edge - side)) for edge in scene.shape[:2])
            scene[y : y + side, x : x + side] = np.rot90(face, random.choice([0, 0, 0, 1]))
        faces += check_equal(networks, scene[..., ::-1].copy())
    assert faces > 20


@needs_shared
def test_frames_of_videos_and_photos_equal_those_of_opencv(networks) -> None:
    images = [cv2.imread(str(file)) for file in sorted((SHARED / "media").glob("*.jpg"))]
    for file in sorted((SHARED / "media").glob("*.m*")):
        video = cv2.VideoCapture(str(file))
        images += [video.read()[1] for _ in range(40)][::20]
    assert len(images) >= 6
    small = [cv2.resize(image, None, fx=f, fy=f) for image in images
             for f in [640 / max(image.shape)]]  # fmt: skip
    assert sum(check_equal(networks, image) for image in small) >= 5


def test_blank_images_have_no_face(networks) -> None:
    for value in (0, 90, 255):
        assert networks[0].rows(np.full((128, 96, 3), value, np.uint8)).shape == (0, 15)


def test_threads_do_not_mix_their_images(networks, astronaut) -> None:
    images = [
        np.ascontiguousarray(cv2.resize(astronaut, (side, side))[..., ::-1]) for side in (200, 352)
    ]
    expected = [networks[0].rows(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(networks[0].rows, images * 10))
    for number, rows in enumerate(results):
        np.testing.assert_array_equal(rows, expected[number % 2])


def test_it_is_converted_once_and_a_damaged_copy_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut
) -> None:
    bgr = np.ascontiguousarray(astronaut[..., ::-1])
    rows = open_network(YUNET, tmp_path / "new", LEAST).rows(bgr)
    (file,) = (tmp_path / "new").iterdir()
    data = file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(litert_file, "convert_graph", lambda *_: pytest.fail("not needed"))
        np.testing.assert_array_equal(open_network(YUNET, tmp_path / "new", LEAST).rows(bgr), rows)
    file.write_bytes(data[: len(data) // 2])
    np.testing.assert_array_equal(open_network(YUNET, tmp_path / "new", LEAST).rows(bgr), rows)
    assert file.read_bytes() == data


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path, astronaut) -> None:
    (tmp_path / "file").write_text("in the way")
    network = open_network(YUNET, tmp_path / "file", LEAST)
    assert isinstance(network, LiteRTYuNet)
    assert len(network.rows(np.ascontiguousarray(astronaut[..., ::-1]))) >= 1


def test_another_network_is_run_by_opencv_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "other.onnx"
    file.write_bytes(YUNET.read_bytes().replace(b"Sigmoid", b"Softmax"))
    with caplog.at_level(logging.WARNING):
        network = open_network(file, tmp_path / "cache", LEAST)
    assert isinstance(network, OpenCVYuNet)
    assert "Softmax" in caplog.text


def test_rows_of_opencv_without_numbers_are_no_faces(
    networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Net:
        def setInputSize(self, size: tuple[int, int]) -> None:  # noqa: N802
            assert size == (100, 80)

        def detect(self, bgr: np.ndarray) -> tuple[int, np.ndarray]:
            return 2, np.float32([[10] * 14 + [0.9], [-np.inf] + [np.nan] * 14])

    monkeypatch.setattr(networks[1], "_net", Net())
    assert len(networks[1].rows(np.zeros((80, 100, 3), np.uint8))) == 1


def test_memory_stays_laid_out_for_few_sizes(tmp_path: Path) -> None:
    network = open_network(YUNET, tmp_path, LEAST)
    sizes = [(640, 480), (480, 640), (1600, 1200), (640, 480), (640, 352), (1200, 1600), (384, 96)]
    for width, height in sizes:
        network.rows(np.zeros((height, width, 3), np.uint8))
    assert network._layouts.sizes == [(480, 640), (352, 640), (1600, 1216), (96, 384)]


def test_sizes_above_those_of_live_video_are_forgotten_at_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = open_network(YUNET, tmp_path, LEAST)
    monkeypatch.setattr(yunet_layouts, "REST_S", 0.3)

    def rows(width: int, height: int) -> np.ndarray:
        return network.rows(np.zeros((height, width, 3), np.uint8))

    rows(320, 256), rows(1600, 1200), rows(640, 480)
    end = time.monotonic() + 20
    while len(sizes := network._layouts.sizes) > 2:
        rows(320, 256)
        assert time.monotonic() < end, sizes
        time.sleep(0.02)
    assert sorted(sizes) == [(32, 32), (256, 320)]
    assert len(rows(640, 480)) == 0  # laid out anew
    assert (480, 640) in network._layouts.sizes
