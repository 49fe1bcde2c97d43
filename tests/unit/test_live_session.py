"""A live session under all the weather a camera brings."""

import logging
import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from fer_core.images.boxes import Box
from fer_core.images.yuv import from_frame, planes
from fer_core.live import LiveOptions, LiveSession, RecognitionOptions
from fer_core.live.session import SILENT_S, STALE_S
from tests.unit.live_stubs import StubRecognizer, picture, until


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def feed(session: LiveSession, yuv: np.ndarray, count: int = 1) -> np.ndarray:
    """Submit pictures one by one, each only once the one before has been read."""
    for _ in range(count):
        drawn = session.submit(yuv)
        frames = session.stats().frames
        until(lambda frames=frames: session.latest and session.latest.frame == frames)
    return drawn


@pytest.fixture
def session():
    live = LiveSession(StubRecognizer())
    yield live
    live.end()


def test_a_face_is_read_and_drawn(session):
    plain = picture()
    kept = plain.copy()
    drawn = feed(session, plain, 2)
    assert [face.emotion for face in session.latest.faces] == ["happy"]
    assert session.latest.faces[0].person == 1
    assert not np.array_equal(drawn, plain)
    assert np.array_equal(plain, kept)  # the camera's own picture is never drawn on


def test_the_first_picture_is_shown_at_once_without_a_label():
    session = LiveSession(StubRecognizer(delay_s=1))  # so that it cannot be read in time
    assert np.array_equal(session.submit(picture()), picture())
    session.end()


def test_black_pictures_say_no_face(session):
    drawn = feed(session, picture(0), 2)
    assert session.latest.faces == ()
    assert not np.array_equal(drawn, picture(0))  # the note
    assert session.history.without_face == 1.0


def test_a_slow_network_gives_late_labels_but_never_a_queue_nor_late_video():
    session = LiveSession(StubRecognizer(delay_s=0.3))
    taken, begin = [], time.monotonic()
    for step in range(60):
        start = time.perf_counter()
        session.submit(picture())
        taken.append(time.perf_counter() - start)
        time.sleep(max(begin + (step + 1) / 60 - time.monotonic(), 0))
    stats, latest = session.stats(), session.latest
    session.end()
    assert np.median(taken) < 0.01
    assert stats.frames == 60
    assert stats.dropped > 40
    assert 60 - latest.frame <= 42  # the newest of two readings ago at most


def test_one_failure_costs_one_label_and_leaves_a_line_in_the_log(caplog):
    recognizer = StubRecognizer()
    session = LiveSession(recognizer)
    with caplog.at_level(logging.ERROR):
        feed(session, picture(), 2)
        recognizer.fail_at = {recognizer.results + 1}
        feed(session, picture())
        assert session.latest.failed
        recognizer.delay_s = 0.5  # so that the next cannot be read in time
        drawn = session.submit(picture())
    assert np.array_equal(drawn, picture())  # no label, but the picture
    assert [record.message for record in caplog.records] == [
        "Frame 3 could not be recognized; it has no label"
    ]
    recognizer.delay_s = 0
    feed(session, picture())
    assert session.latest.faces[0].emotion == "happy"
    session.end()


def test_a_frame_that_cannot_be_drawn_on_comes_back_as_it_was(session, monkeypatch, caplog):
    monkeypatch.setattr(session, "submit", lambda yuv: 1 / 0)
    frame = av.VideoFrame(64, 48, "yuv420p")
    assert session.handle(frame) is frame
    assert "could not be drawn on" in caplog.text


def test_the_video_keeps_its_time_stamps_and_is_mirrored_on_request():
    rgb = np.zeros((48, 64, 3), np.uint8)
    rgb[:, :32] = 255
    for turned, bright in ((False, "left"), (True, "right")):
        slow = StubRecognizer(delay_s=1)  # so that nothing is drawn on this frame yet
        session = LiveSession(slow, LiveOptions(mirror=turned))
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame.pts, frame.time_base = 3000, Fraction(1, 90000)
        out = session.handle(frame)
        session.end()
        light = out.to_ndarray(format="rgb24").mean(axis=(0, 2))
        assert (light[:32].mean() > light[32:].mean()) == (bright == "left")
        assert (out.pts, out.time_base) == (frame.pts, frame.time_base)


def test_the_resolution_may_change_midstream(session):
    feed(session, picture(120, 640, 480), 3)
    drawn = feed(session, picture(120, 320, 240), 3)
    assert from_frame(av.VideoFrame.from_ndarray(drawn, format="yuv420p")).shape == (360, 320)
    assert all(face.box.x2 <= 320 for face in session.latest.faces)


def test_a_result_is_drawn_where_it_belongs_on_a_smaller_frame():
    recognizer = StubRecognizer()
    session = LiveSession(recognizer, LiveOptions(mirror=False, bars=False))
    feed(session, picture(120, 640, 480), 2)
    recognizer.delay_s = 1  # so that the smaller frame itself is not recognized yet
    drawn = session.submit(picture(120, 320, 240))
    session.end()
    box = Box(0, 60, 320 / 12, 120)  # half as large as on the first frames
    changed = planes(drawn)[0] != planes(picture(120, 320, 240))[0]
    rows, columns = np.where(changed)
    assert rows.max() <= box.y2 + 4
    assert columns[rows > box.y1 + 10].max() <= box.x2 + 4


def test_ten_faces_are_ten_persons():
    session = LiveSession(StubRecognizer(faces=10))
    feed(session, picture(), 4)
    assert [face.person for face in session.latest.faces] == list(range(1, 11))
    session.end()


@pytest.mark.parametrize(("detect_every", "searches"), [(1, 8), (2, 4), (4, 2)])
def test_faces_are_searched_in_every_nth_picture(detect_every, searches):
    recognizer, clock = StubRecognizer(), Clock()
    session = LiveSession(
        recognizer, LiveOptions(recognition=RecognitionOptions(0.3, detect_every)), clock
    )
    for _ in range(8):
        clock.now += 0.02
        feed(session, picture())
    session.end()
    assert (recognizer.searches, recognizer.results) == (searches, 8)


def test_boxes_are_not_carried_over_a_long_gap():
    recognizer, clock = StubRecognizer(), Clock()
    session = LiveSession(recognizer, LiveOptions(recognition=RecognitionOptions(0.3, 100)), clock)
    for _ in range(3):
        clock.now += 0.3
        feed(session, picture())
    session.end()
    assert recognizer.searches == 3


def test_a_face_that_leaves_and_returns_within_a_second_is_the_same_person(session):
    feed(session, picture(), 2)
    feed(session, picture(0), 3)
    feed(session, picture(), 3)
    assert session.latest.faces[0].person == 1


def test_an_old_result_is_not_drawn():
    recognizer, clock = StubRecognizer(), Clock()
    session = LiveSession(recognizer, clock=clock)
    feed(session, picture(), 2)
    recognizer.delay_s = 1  # so that the next picture cannot be read in time
    clock.now += STALE_S + 0.1
    assert np.array_equal(session.submit(picture()), picture())
    session.end()


def test_it_rests_when_the_camera_falls_silent(session):
    clock = Clock()
    session = LiveSession(StubRecognizer(), clock=clock)
    feed(session, picture())
    assert session.active
    clock.now += SILENT_S + 1
    assert not session.active
    feed(session, picture())
    assert session.active
    session.end()
    assert not session.active


def test_twenty_quick_starts_and_stops_leave_no_thread():
    before = threading.active_count()
    for _ in range(20):
        session = LiveSession(StubRecognizer(delay_s=0.01))
        session.submit(picture())
        session.end()
        session.end()
    until(lambda: threading.active_count() <= before)


def test_after_the_end_the_video_goes_on_but_nothing_is_read(session):
    recognizer = StubRecognizer()
    session = LiveSession(recognizer)
    session.end()
    session.submit(picture())
    time.sleep(0.05)
    assert recognizer.results == 0


def test_no_picture_is_kept_after_the_end():
    """Nor that of a reading that was under way."""
    session = LiveSession(StubRecognizer(delay_s=0.1))
    session.submit(picture())
    until(lambda: session.latest)
    session.submit(picture())
    time.sleep(0.05)
    session.end()
    assert session.latest is None
    time.sleep(0.15)
    assert session.latest is None


def test_the_end_completes_a_recording(session):
    recorder = session.record()
    feed(session, picture(), 5)
    session.end()
    assert not recorder.state.running
    recorder.stop()
    assert recorder.state.rows == 5
    assert recorder.state.frames == 5
    recorder.delete()


def test_the_crop_of_a_person_is_there_while_the_person_is(session):
    assert session.crop(1) is None
    feed(session, picture())
    assert session.crop(1).shape == (96, 96, 3)
    assert session.crop(2) is None


def test_a_new_recogniser_takes_over_midstream(session):
    feed(session, picture())
    other = StubRecognizer(faces=3)
    session.configure(other, LiveOptions(bars=False))
    feed(session, picture(), 3)
    assert len(session.latest.faces) == 3


def test_two_sessions_share_one_recogniser():
    class Shared(StubRecognizer):
        def classify(self, rgb, detections):
            with lock:
                return super().classify(rgb, detections)

    lock = threading.Lock()
    shared = Shared()
    first, second = LiveSession(shared), LiveSession(shared)
    feed(first, picture())
    feed(second, picture(0))
    feed(first, picture())
    assert len(first.latest.faces) == 1
    assert second.latest.faces == ()
    first.end()
    second.end()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [((6000, 3000), (1920, 960)), ((10, 6001), (2, 1920)), ((640, 480), (640, 480))],
)
def test_large_pictures_are_worked_on_small(session, sent, shown):
    frame = av.VideoFrame(*sent, "yuv420p")
    frame.pts, frame.time_base = 7, Fraction(1, 90_000)
    back = session.handle(frame)
    assert (back.width, back.height) == shown
    assert back.pts == 7
