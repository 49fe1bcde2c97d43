"""Persons keep their numbers; boxes, probabilities and labels do not flicker."""

import json

import numpy as np
import pytest

from fer_core.images.boxes import Box
from fer_core.labels import EMOTIONS
from fer_core.recognition.face import Detection, FaceEmotion
from fer_core.recognition.tracking import (
    Tracker,
    ema_weight,
    hysteresis_label,
    match_score,
    stabilize_box,
)


def detection(x: float, y: float = 100, side: float = 80) -> Detection:
    return Detection(Box(x, y, x + side, y + side), 0.9)


def probabilities(**given: float) -> np.ndarray:
    """Probabilities with the given ones; the rest is shared by the others."""
    rest = (1 - sum(given.values())) / (len(EMOTIONS) - len(given))
    return np.array([given.get(emotion, rest) for emotion in EMOTIONS], np.float32)


def predicted(box: Box, **given: float) -> FaceEmotion:
    values = probabilities(**given)
    return FaceEmotion(Detection(box, 0.9), values, bool(values.max() < 0.4))


@pytest.mark.parametrize(
    ("steps", "persons"),
    [
        ([(0.0, [100])], [(1,)]),
        ([(0.0, [])], [()]),
        ([(0.0, [100]), (0.03, [104])], [(1,), (1,)]),
        ([(0.0, [100, 400]), (0.03, [410, 110])], [(1, 2), (2, 1)]),  # order does not matter
        ([(0.0, [100]), (0.9, []), (1.0, [104])], [(1,), (), (1,)]),  # back within a second
        ([(0.0, [100]), (0.1, []), (1.2, [104])], [(1,), (), (2,)]),  # back too late
        ([(0.0, [100]), (1.2, [104])], [(1,), (1,)]),  # nobody looked: not away
        ([(0.0, [100]), (3.2, [104])], [(1,), (2,)]),  # for too long
        ([(0.0, [100]), (0.03, [400])], [(1,), (2,)]),  # nobody jumps that far
        ([(0.0, [100]), (0.6, [240])], [(1,), (1,)]),  # but walks there
        ([(0.0, [100]), (2.0, [400])], [(1,), (2,)]),
        ([(0.0, [100]), (0.03, [100, 300])], [(1,), (1, 2)]),
        ([(0.0, [100, 300]), (0.03, [300])], [(1, 2), (2,)]),
        ([(0.0, [100]), (0.0, [100])], [(1,), (1,)]),  # no time between
    ],
)
def test_persons_keep_their_number(steps, persons):
    tracker = Tracker()
    assert [tracker.associate([detection(x) for x in xs], time)[0] for time, xs in steps] == persons


def test_two_faces_that_pass_each_other_are_never_one_person():
    tracker = Tracker()
    for step in range(60):
        persons, _ = tracker.associate(
            [detection(100 + 5 * step), detection(400 - 5 * step, 160)], step / 30
        )
        assert len(set(persons)) == 2


def test_a_crowd_keeps_ten_numbers():
    tracker = Tracker()
    places = [detection(60 * i, side=50) for i in range(10)]
    first, _ = tracker.associate(places, 0.0)
    again, _ = tracker.associate(places[::-1], 0.03)
    assert first == tuple(range(1, 11))
    assert again == first[::-1]


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (Box(0, 0, 80, 80), Box(0, 0, 80, 80), True),
        (Box(0, 0, 80, 80), Box(60, 0, 140, 80), True),
        (Box(0, 0, 80, 80), Box(90, 0, 170, 80), False),
        (Box(0, 0, 80, 80), Box(0, 0, 240, 240), False),  # three times as wide
        (Box(0, 0, 0, 0), Box(0, 0, 0, 0), False),
    ],
)
def test_match_score(a, b, same):
    assert (match_score(a, b) > 0) == same
    assert match_score(a, b) == pytest.approx(match_score(b, a))


@pytest.mark.parametrize(
    ("elapsed", "half_life", "weight"),
    [(0.3, 0.3, 0.5), (0.6, 0.3, 0.75), (0.0, 0.3, 0.0), (-1, 0.3, 0.0), (0.01, 0, 1.0)],
)
def test_ema_weight(elapsed, half_life, weight):
    assert ema_weight(elapsed, half_life) == pytest.approx(weight)


@pytest.mark.parametrize(
    ("label", "given", "expected"),
    [
        ("sad", {"sad": 0.45, "fear": 0.40}, "sad"),
        ("sad", {"sad": 0.40, "fear": 0.45}, "sad"),  # ahead, but not by enough
        ("sad", {"sad": 0.35, "fear": 0.45}, "fear"),
        ("angry", {"happy": 0.9}, "happy"),
    ],
)
def test_labels_change_only_for_a_clear_lead(label, given, expected):
    assert hysteresis_label(label, probabilities(**given)) == expected


def test_a_label_between_two_close_emotions_does_not_flicker():
    tracker = Tracker(half_life_s=0.0)
    rng = np.random.default_rng(3)
    labels = []
    for step in range(90):
        persons, (stable,) = tracker.associate([detection(100)], step / 30)
        sad = 0.42 + rng.uniform(-0.03, 0.03)
        (face,) = tracker.smooth(
            persons, [predicted(stable.box, sad=sad, fear=0.84 - sad)], step / 30, 0.4
        )
        labels.append(face.emotion)
    assert len(set(labels)) == 1


def test_smoothing_halves_the_old_value_after_its_half_life():
    tracker = Tracker(half_life_s=0.5)
    persons, (stable,) = tracker.associate([detection(100)], 0.0)
    tracker.smooth(persons, [predicted(stable.box, happy=1.0)], 0.0, 0.4)
    persons, (stable,) = tracker.associate([detection(100)], 0.5)
    (face,) = tracker.smooth(persons, [predicted(stable.box, sad=1.0)], 0.5, 0.4)
    assert face.probabilities[EMOTIONS.index("happy")] == pytest.approx(0.5)
    assert face.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert face.confidence == pytest.approx(float(face.probabilities[EMOTIONS.index(face.emotion)]))


@pytest.mark.parametrize(
    ("before", "now", "uncertain"),
    [(0.6, 0.38, False), (0.6, 0.36, True), (0.3, 0.42, True), (0.3, 0.44, False)],
)
def test_uncertain_switches_with_a_band_around_the_threshold(before, now, uncertain):
    tracker = Tracker(half_life_s=0.0)
    for time, value in ((0.0, before), (0.1, now)):
        persons, (stable,) = tracker.associate([detection(100)], time)
        (face,) = tracker.smooth(persons, [predicted(stable.box, sad=value)], time, 0.4)
    assert face.uncertain == uncertain


def test_a_jittering_box_is_stabilized_and_a_moving_one_followed():
    old = Box(100, 100, 200, 200)
    assert stabilize_box(old, Box(101, 100, 201, 200)).x1 < 100.5
    assert stabilize_box(old, Box(120, 100, 220, 200)) == Box(120, 100, 220, 200)


def test_a_restored_tracker_goes_on_as_if_it_had_never_stopped():
    def step(tracker, number):
        at = number / 25
        persons, boxes = tracker.associate([detection(100 + number), detection(400 - number)], at)
        faces = [
            predicted(boxes[0].box, happy=0.5 + number / 100),
            predicted(boxes[1].box, sad=0.6),
        ]
        return tracker.smooth(persons, faces, at, 0.4)

    straight, first = Tracker(), Tracker()
    for number in range(20):
        expected = step(straight, number)
    for number in range(10):
        step(first, number)
    again = Tracker()
    again.restore(json.loads(json.dumps(first.snapshot())))
    for number in range(10, 20):
        resumed = step(again, number)
    for a, b in zip(expected, resumed, strict=True):
        assert (a.person, a.label, a.box, a.uncertain) == (b.person, b.label, b.box, b.uncertain)
        np.testing.assert_array_equal(a.probabilities, b.probabilities)
    again.restore({})
    assert again.snapshot()["last"] == 2


@pytest.mark.parametrize(
    ("sizes", "places"),
    [
        ([(640, 480), (480, 360), (320, 240), (640, 480)], [(500, 60), (60, 360)]),
        ([(640, 480), (480, 640), (640, 480)], [(270, 200), (400, 200)]),  # a phone that is turned
        ([(1280, 720), (640, 360), (640, 480)], [(300, 200), (1000, 200)]),
    ],
)
def test_persons_keep_their_numbers_when_the_frames_change_size(sizes, places):
    tracker = Tracker()
    boxes = [detection(x, y, 60).box for x, y in places]
    for step, size in enumerate(sizes):
        if step:
            tracker.resize(sizes[step - 1], size)
        faces = [Detection(box.recenter(sizes[0], size), 0.9) for box in boxes]
        persons, stable = tracker.associate(faces, step / 30)
        assert persons == (1, 2)
        for face, box in zip(stable, faces, strict=True):
            np.testing.assert_allclose(face.box.xyxy, box.box.xyxy, atol=1)


def test_two_close_faces_get_the_best_assignment_together():
    """The best pair first would leave the second face without a partner."""
    tracker = Tracker()
    tracker.associate([detection(100), detection(160)], 0.0)
    persons, _ = tracker.associate([detection(135), detection(200)], 0.1)
    assert persons == (1, 2)


def test_an_uncertain_face_has_the_emotion_of_its_largest_bar():
    tracker = Tracker(half_life_s=0.0)
    persons, (stable,) = tracker.associate([detection(100)], 0.0)
    tracker.smooth(persons, [predicted(stable.box, sad=0.9)], 0.0, 0.4)
    persons, (stable,) = tracker.associate([detection(100)], 0.1)
    values = predicted(stable.box, sad=0.26, fear=0.28)
    (face,) = tracker.smooth(persons, [values], 0.1, 0.4)
    assert (face.uncertain, face.label, face.emotion) == (True, "sad", "fear")
    assert face.confidence == pytest.approx(0.28)
