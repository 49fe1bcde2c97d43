"""Looking ahead in a video: few frames are recognized, and the results are those of all."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fer_core.images.boxes import Box, iou
from fer_core.labels import EMOTIONS
from fer_core.recognition.face import Detection, FaceEmotion
from fer_core.recognition.pool import RecognizerPool
from fer_core.recognition.recognizer import Recognizer
from fer_core.video import Sampling, VideoRecognizer
from fer_core.video.lookahead import Faces, Recognition, recognize_span
from tests.clips import face_picture, make_clip, wall

TIMES = [number / 25 for number in range(5)]


def face(
    left: float = 100, emotion: str = "happy", sure: float = 0.8, roll: float = 0, reason: str = ""
) -> Faces:
    probabilities = np.full(7, (1 - sure) / 6, np.float32)
    probabilities[EMOTIONS.index(emotion)] = sure
    box = Box(left, 50, left + 80, 130)
    uncertain = sure < 0.7 or bool(reason)
    return (FaceEmotion(Detection(box, 0.9, roll), probabilities, uncertain, reason=reason),)


def look(truth: Callable[[int], Faces], before: Faces | None) -> tuple[list[Faces], list[int]]:
    """The faces of frames 0 to 4 and which were recognized; frame -1 is ``before``."""
    recognized = [4]

    def recognize(index: int) -> Faces:
        recognized.append(index)
        return truth(index)

    known = None if before is None else Recognition(-1 / 25, before)
    return recognize_span(recognize, TIMES, truth(4), known), sorted(recognized)


def test_a_face_that_moves_in_a_line_is_recognized_at_the_end_alone() -> None:
    faces, recognized = look(lambda n: face(100 + 2 * n, sure=0.75 + 0.01 * n), face(98, sure=0.74))
    assert recognized == [4]
    for number, (one,) in enumerate(faces):
        assert one.box.xyxy == pytest.approx((100 + 2 * number, 50, 180 + 2 * number, 130))
        assert one.confidence == pytest.approx(0.75 + 0.01 * number, abs=1e-6)
        assert one.probabilities.dtype == np.float32
        assert one.probabilities.sum() == pytest.approx(1, abs=1e-6)


def test_the_first_frame_of_a_video_is_recognized() -> None:
    assert look(lambda _: face(), None)[1] == [0, 4]
    assert look(lambda _: (), None) == ([()] * 5, [0, 4])


@pytest.mark.parametrize(
    "other",
    [
        face(emotion="sad"),
        face(sure=0.6),
        face(300),
        (),
        face() + face(300),
        face(reason="covered"),
    ],
    ids=["emotion", "uncertain", "place", "gone", "another person", "covered"],
)
@pytest.mark.parametrize("change", [1, 2, 3, 4])
def test_a_change_is_found_in_its_frame(other: Faces, change: int) -> None:
    def truth(number: int) -> Faces:
        return other if number >= change else face()

    faces, recognized = look(truth, face())
    assert [[one.box for one in found] for found in faces] == [
        [one.box for one in truth(number)] for number in range(5)
    ]
    assert [[one.emotion for one in found] for found in faces] == [
        [one.emotion for one in truth(number)] for number in range(5)
    ]
    assert {change - 1, change} & set(range(5)) <= set(recognized)


def test_a_face_that_crosses_180_degrees_turns_the_short_way() -> None:
    def truth(number: int) -> Faces:
        return face(roll=175 + 2 * number if number < 3 else 2 * number - 185)

    faces, _ = look(truth, face(roll=173))
    assert [round(one.roll) for (one,) in faces] == [175, 177, 179, -179, -177]


def test_frames_far_apart_are_recognized() -> None:
    asked: list[int] = []

    def recognize(index: int) -> Faces:
        asked.append(index)
        return face()

    recognize_span(recognize, [0.0, 1.0, 2.0], face(), Recognition(-1.0, face()))
    assert sorted(asked) == [0, 1]


def test_what_was_recognized_crosses_a_stop() -> None:
    known = Recognition(1.5, face(roll=3, reason="covered"))
    back = Recognition.from_dict(known.to_dict())
    (one,), (other,) = known.faces, back.faces
    assert (back.time_s, other.box, other.roll) == (1.5, one.box, one.roll)
    assert (other.uncertain, other.reason) == (True, "covered")
    assert other.probabilities.tolist() == one.probabilities.tolist()


@pytest.fixture
def detections(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every frame in which faces are detected."""
    seen, detect = [], Recognizer.detect

    def count(*given):
        seen.append(1)
        return detect(*given)

    monkeypatch.setattr(Recognizer, "detect", count)
    return seen


def test_a_clip_gives_what_every_frame_gives_for_a_third_of_the_work(
    tmp_path: Path, pool: RecognizerPool, detections: list[int]
) -> None:
    """A face drifts, is away between two frames, and comes back."""
    clip = make_clip(
        tmp_path / "clip.mp4", 60, picture=lambda n: wall(n) if 31 <= n < 43 else face_picture(n)
    )
    whole = list(VideoRecognizer(clip, pool, Sampling(every_frame=True)))
    every = len(detections)
    quick = list(VideoRecognizer(clip, pool))
    assert every == 60
    assert len(detections) - every <= 26
    overlaps = []
    for one, other in zip(whole, quick, strict=True):
        assert [face.person for face in one.faces] == [face.person for face in other.faces]
        assert [face.label for face in one.faces] == [face.label for face in other.faces]
        overlaps += [iou(a.box, b.box) for a, b in zip(one.faces, other.faces, strict=True)]
    assert len(overlaps) == 48
    assert np.mean(overlaps) > 0.95


def test_few_frames_a_second_are_all_recognized(
    tmp_path: Path, pool: RecognizerPool, detections: list[int]
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 20)
    assert len(list(VideoRecognizer(clip, pool, Sampling(step=5)))) == len(detections) == 4
