import io
import resource
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fer_core import EMOTIONS, Recognizer
from fer_core.errors import ImageError
from fer_core.images import encode, limits
from fer_core.images.boxes import Box, iou
from fer_core.recognition.face import Detection, FaceEmotion
from fer_core.types import Pixels
from tests.conftest import needs_yunet


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.load("mobilenetv2", detector="haar")


class Planted:
    """A detector that answers what it was given."""

    name = "yunet"

    def __init__(self, *found: Detection) -> None:
        self.found = found

    def detect(self, rgb: Pixels) -> tuple[Detection, ...]:
        return self.found


@pytest.mark.parametrize("detector", ["haar", pytest.param("yunet", marks=needs_yunet)])
@pytest.mark.parametrize("head", ["fer2013", "ferplus"])
def test_the_astronaut_smiles(detector: str, head: str, astronaut: np.ndarray) -> None:
    recognizer = Recognizer.load(detector=detector, head=head)
    (face,) = recognizer.recognize(astronaut)
    assert recognizer.detector_name == detector
    assert (face.emotion, face.uncertain) == ("happy", False)
    assert face.confidence == face.probabilities[EMOTIONS.index("happy")] > 0.8
    assert face.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert iou(face.box, Box(175, 65, 275, 195)) > 0.5


@pytest.mark.parametrize("detector", ["haar", pytest.param("yunet", marks=needs_yunet)])
def test_twenty_threads_share_one_recognizer(
    detector: str, astronaut: np.ndarray, request: pytest.FixtureRequest
) -> None:
    """They get bit for bit what one thread gets; ``make stress`` asks for more ``--rounds``."""
    recognizer = Recognizer.load("mobilenetv2", detector=detector)
    photos = [np.roll(astronaut[:300, 80:380], 3 * n, axis=1).copy() for n in range(5)]
    expected = [recognizer.recognize(photo) for photo in photos]
    assert sum(len(faces) for faces in expected) >= 4
    rounds = request.config.getoption("--rounds")
    together = threading.Barrier(20)

    def work(start: int) -> list[bool]:
        together.wait()
        turns = [(start + turn) % len(photos) for turn in range(rounds)]
        return [same(recognizer.recognize(photos[n]), expected[n]) for n in turns]

    with ThreadPoolExecutor(20) as threads:
        assert all(all(equal) for equal in threads.map(work, range(20)))


def same(faces: Sequence[FaceEmotion], others: Sequence[FaceEmotion]) -> bool:
    return len(faces) == len(others) and all(
        face.box == other.box and np.array_equal(face.probabilities, other.probabilities)
        for face, other in zip(faces, others, strict=True)
    )


def test_a_grey_picture_of_three_channels(recognizer: Recognizer, astronaut: np.ndarray) -> None:
    grey = astronaut.mean(axis=2, keepdims=True).astype(np.uint8).repeat(3, axis=2)
    assert [face.emotion for face in recognizer.recognize(grey)] == ["happy"]


def test_no_face_is_an_empty_tuple(recognizer: Recognizer) -> None:
    assert recognizer.recognize(np.full((300, 400, 3), 127, np.uint8)) == ()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((10, 10, 2), np.uint8),
        np.zeros((2, 10, 10, 3), np.uint8),
        np.zeros((3, 64, 64), np.uint8),
        np.zeros((0, 10, 3), np.uint8),
        np.zeros((10, 10, 3), np.int64),
        np.full((10, 10, 3), 300, np.uint16),
        np.full((10, 10, 3), 200, np.float32),
        np.full((10, 10, 3), -0.5, np.float32),
        np.full((10, 10, 3), np.nan, np.float32),
        np.zeros((10, 10, 3), bool),
        [[1, 2], [3, 4]],
        None,
        7,
    ],
    ids=str,
)
def test_other_things_are_refused(recognizer: Recognizer, image: object) -> None:
    for call in (recognizer.recognize, recognizer.recognize_crop):
        with pytest.raises(ValueError, match=r"An image must be .* Received"):
            call(image)


def test_an_image_may_come_in_any_form(
    recognizer: Recognizer, astronaut: np.ndarray, tmp_path: Path
) -> None:
    file = tmp_path / "astronaut"
    file.write_bytes(encode(astronaut, ".png"))
    opaque = np.dstack([astronaut, np.full(astronaut.shape[:2], 255, np.uint8)])
    (expected,) = recognizer.recognize(astronaut)
    for image in (
        file, str(file), file.read_bytes(), io.BytesIO(file.read_bytes()), Image.fromarray(astronaut), Image.open(file),
        Image.fromarray(opaque), opaque, (astronaut / 255).astype(np.float32), astronaut / 255,
        astronaut[:, ::-1][:, ::-1], np.asfortranarray(astronaut),
    ):  # fmt: skip
        (face,) = recognizer.recognize(image)
        assert face.box == expected.box
        np.testing.assert_allclose(face.probabilities, expected.probabilities, atol=1e-6)
    grey = np.asarray(Image.fromarray(astronaut).convert("L"))
    wide = Image.fromarray(grey.astype(np.uint16) * 257)
    for image in (
        grey, grey[..., None], Image.fromarray(grey), np.dstack([grey] * 3), wide,
        Image.fromarray(grey).convert("I"), Image.fromarray(grey).convert("F"),
        Image.fromarray((grey / 255).astype(np.float32)),
    ):  # fmt: skip
        (face,) = recognizer.recognize(image)
        assert face.emotion == "happy"
    with pytest.raises(ImageError, match=r"gone\.jpg: cannot be read \(No such file"):
        recognizer.recognize(tmp_path / "gone.jpg")
    with pytest.raises(ImageError, match=r"https://.* are not fetched. Download the image first"):
        recognizer.recognize("https://example.org/photo.jpg")
    for x in (opaque, astronaut / 255):
        crop, same = (
            recognizer.recognize_crop(astronaut[65:195, 160:290]),
            recognizer.recognize_crop(x[65:195, 160:290]),
        )
        np.testing.assert_allclose(crop.probabilities, same.probabilities, atol=1e-6)


def test_transparency_is_laid_on_white(recognizer: Recognizer, astronaut: np.ndarray) -> None:
    clear = np.dstack([astronaut, np.zeros(astronaut.shape[:2], np.uint8)])
    assert recognizer.recognize(clear) == ()
    assert clear[..., :3].any()  # the caller's array is as it was


def test_a_detector_that_throws_does_not_look_like_no_face(
    recognizer: Recognizer, astronaut: np.ndarray
) -> None:
    class Broken(Planted):
        def detect(self, rgb: Pixels) -> tuple[Detection, ...]:
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        Recognizer(recognizer.classifier, Broken()).recognize(astronaut)


def test_faces_keep_the_order_and_the_place(recognizer: Recognizer, astronaut: np.ndarray) -> None:
    boxes = [Box(0, 0, 50, 60), Box(170, 60, 280, 190), Box(480, 480, 512, 512)]
    planted = Planted(
        *(Detection(box, 0.5, roll) for box, roll in zip(boxes, (0, 5, -5), strict=True))
    )
    faces = Recognizer(recognizer.classifier, planted).recognize(astronaut)
    assert [face.box for face in faces] == boxes
    assert [face.roll for face in faces] == [0, 5, -5]
    assert faces[1].emotion == "happy"


def test_a_leaning_face_is_turned_upright_before_it_is_read(
    recognizer: Recognizer, astronaut: np.ndarray
) -> None:
    from PIL import Image

    turned = Image.fromarray(astronaut).rotate(-40, Image.Resampling.BICUBIC, center=(225, 128))
    upright, leaning = (
        Detection(Box(175, 65, 275, 190), 1.0),
        Detection(Box(175, 65, 275, 190), 1.0, 40),
    )
    straight = Recognizer(recognizer.classifier, Planted(upright)).crop(astronaut, upright)
    corrected = Recognizer(recognizer.classifier, Planted()).crop(np.asarray(turned), leaning)
    ignored = Recognizer(recognizer.classifier, Planted()).crop(np.asarray(turned), upright)

    def difference(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.abs(a.astype(float) - b).mean())

    assert difference(corrected, straight) < 5 < difference(ignored, straight)


def test_a_crop_is_read_whole(recognizer: Recognizer, astronaut: np.ndarray) -> None:
    face = recognizer.recognize_crop(np.ascontiguousarray(astronaut[65:195, 160:290]))
    assert face.box == Box(0, 0, 130, 130)
    assert face.emotion == "happy"
    tall = recognizer.recognize_crop(np.ascontiguousarray(astronaut[60:200, 175:275]))
    assert tall.emotion == "happy"


def test_a_crop_may_have_any_proportions(recognizer: Recognizer) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    thin = np.full((limits.MAX_SIDE, 40, 3), 90, np.uint8)
    assert recognizer.recognize_crop(thin).box == Box(0, 0, 40, limits.MAX_SIDE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_uncertain_below_the_cards_threshold(recognizer: Recognizer, astronaut: np.ndarray) -> None:
    classifier = recognizer.classifier
    planted = Planted(Detection(Box(170, 60, 280, 190), 1.0))
    before = classifier.abstain_below
    try:
        classifier.abstain_below = 1.0
        assert Recognizer(classifier, planted).recognize(astronaut)[0].uncertain
        classifier.abstain_below = 0.0
        assert not Recognizer(classifier, planted).recognize(astronaut)[0].uncertain
    finally:
        classifier.abstain_below = before


@needs_yunet
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_photo_that_lies_on_its_side_is_never_answered_otherwise(
    astronaut: np.ndarray, quarters: int
) -> None:
    recognizer = Recognizer.load("mobilenetv2", "yunet")
    (upright,) = recognizer.recognize(astronaut)
    (face,) = recognizer.recognize(np.ascontiguousarray(np.rot90(astronaut, quarters)))
    assert (face.emotion, face.uncertain) == (upright.emotion, False)
    small, expected = (
        cv2.resize(f.crop, (16, 16), interpolation=cv2.INTER_AREA) for f in (face, upright)
    )
    assert np.corrcoef(small.ravel(), expected.ravel())[0, 1] > 0.8
    assert np.corrcoef(small[::-1].ravel(), expected.ravel())[0, 1] < 0.5
