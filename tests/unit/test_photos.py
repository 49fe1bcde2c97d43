import io
import zipfile

import cv2
import numpy as np
import pytest

from fer_core import Recognizer
from fer_core.images.codec import decode, encode
from fer_core.recognition import results
from fer_core.recognition.photos import ANNOTATED_EDGE, Photo, PhotoReader, zip_images


@pytest.fixture(scope="module")
def reader() -> PhotoReader:
    return PhotoReader(Recognizer.load("mobilenetv2", detector="haar"))


def test_a_photo_with_a_face(reader: PhotoReader, astronaut: np.ndarray) -> None:
    photo = reader.read(encode(astronaut), "a.jpg")
    assert (photo.error, photo.detector, len(photo.faces), len(photo.portraits)) == (
        "",
        "haar",
        1,
        1,
    )
    drawn = decode(photo.annotated, "x")
    assert drawn.shape == astronaut.shape
    assert np.abs(drawn.astype(int) - astronaut).max() > 100
    assert photo.rows()[0]["emotion"] == "happy"


def test_large_photos_are_kept_small_but_measured_in_their_own_pixels(
    reader: PhotoReader, astronaut: np.ndarray
) -> None:
    large = astronaut.repeat(4, axis=0).repeat(4, axis=1)
    photo = reader.read(encode(large), "a.jpg")
    assert max(decode(photo.annotated, "x").shape) == ANNOTATED_EDGE
    assert 600 < photo.faces[0].box.x1 < 800


def test_a_wall_has_no_face(reader: PhotoReader) -> None:
    photo = reader.read(encode(np.full((200, 300, 3), 180, np.uint8)), "wall.png")
    assert (photo.faces, photo.portraits, photo.error) == ((), (), "")
    assert photo.rows() == [
        {"source": "wall.png", "frame": None, "time_s": None, "detector": "haar"}
    ]


def test_a_crop_is_one_face(reader: PhotoReader, astronaut: np.ndarray) -> None:
    crop = np.ascontiguousarray(astronaut[65:195, 160:290])
    photo = PhotoReader(reader.recognizer, is_crop=True).read(encode(crop), "crop.png")
    assert (len(photo.faces), photo.detector) == (1, "none")


def test_one_pixel_goes_through(reader: PhotoReader) -> None:
    data = encode(np.zeros((1, 1, 3), np.uint8), ".png")
    assert reader.read(data, "dot.png").faces == ()
    assert len(PhotoReader(reader.recognizer, is_crop=True).read(data, "dot.png").faces) == 1


def test_a_bad_file_is_a_photo_with_an_error(reader: PhotoReader) -> None:
    photo = reader.read(b"not an image", "bad.jpg")
    assert photo.error.startswith("bad.jpg: not an image")
    assert photo.rows()[0]["error"] == photo.error


def test_without_drawing_no_pictures_are_made(reader: PhotoReader, astronaut: np.ndarray) -> None:
    photo = reader.read(encode(astronaut), "a.jpg", draw=False)
    assert (len(photo.faces), photo.annotated, photo.portraits) == (1, b"", ())


def test_zip_keeps_equal_names_apart_and_leaves_errors_out() -> None:
    photos = [
        Photo("a.jpg", annotated=b"1"),
        Photo("a.png", annotated=b"2"),
        Photo("../../etc/a.jpg", annotated=b"3"),
        Photo("bad.jpg", error="bad.jpg: damaged"),
    ]
    with zipfile.ZipFile(io.BytesIO(zip_images(photos))) as archive:
        assert archive.namelist() == ["a.jpg", "a-2.jpg", "a-3.jpg"]
        assert archive.read("a-3.jpg") == b"3"


def test_a_photo_that_lost_its_end_has_its_faces_and_a_note(
    reader: PhotoReader, astronaut: np.ndarray
) -> None:
    photo = reader.read(encode(astronaut)[:-2], "camera.jpg")
    assert (photo.error, len(photo.faces)) == ("", 1)
    face, note = photo.rows()
    assert face["emotion"] == "happy"
    assert results.failed(results.table(photo.rows())).tolist() == [False, False]
    assert (
        note["error"]
        == photo.note
        == "camera.jpg: the end of the file is missing; the rest was read."
    )


def test_boxes_of_a_reduced_photo_are_in_pixels_of_the_file(
    reader: PhotoReader, astronaut: np.ndarray
) -> None:
    large = cv2.resize(astronaut, (7200, 7200), interpolation=cv2.INTER_LINEAR)
    photo = reader.read(encode(large), "large.jpg")
    (small,) = reader.read(encode(astronaut), "small.jpg").faces
    best = max(photo.faces, key=lambda face: face.box.area)
    assert best.box.x1 == pytest.approx(small.box.x1 * 7200 / 512, rel=0.1)
    assert best.crop.shape == small.crop.shape
