"""What a browser sends is checked before it is believed."""

import math

import pytest

from fer_core.labels import EMOTIONS
from fer_core.live import DeviceView
from fer_core.live.device_view import MOST_ROWS, parse_crop

SHARES = [0.05, 0.05, 0.1, 0.5, 0.1, 0.1, 0.1]
FACE = [1, 3, 0, -1, 0.9, 2.5, 10.0, 20.0, 110.0, 140.0, *SHARES]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def message(*rows, **more) -> dict:
    return {"running": True, "stats": {"fps": 30, "age_ms": 40.5}, "rows": list(rows), **more}


def row(number: int, ms: float, *faces) -> list:
    return [number, ms, 640, 480, list(faces)]


def test_rows_become_results_on_the_views_clock() -> None:
    clock = Clock()
    view = DeviceView(clock=clock)
    view.add(message(row(1, 1000, FACE), row(2, 1500)))
    assert view.history.persons() == (1,)
    assert view.history.without_face == 0.5
    assert view.latest.faces == ()
    assert view.latest.time_s == pytest.approx(100)  # the newest row has just happened
    clock.now = 101
    view.add(message(row(3, 2500, FACE)))
    face = view.latest.faces[0]
    assert (face.emotion, face.confidence, face.uncertain) == ("happy", 0.5, False)
    assert face.box.xyxy == (10, 20, 110, 140)
    assert view.latest.time_s == pytest.approx(101)
    assert view.history.of(1, 101).shares["happy"] == 1
    assert (view.stats().fps, view.stats().age_ms, view.refused) == (30, 40.5, 0)


def test_a_reason_is_a_word_of_the_model() -> None:
    view = DeviceView(["covered", "too small"], Clock())
    view.add(message(row(1, 1, [*FACE[:2], 1, 1, *FACE[4:]])))
    face = view.latest.faces[0]
    assert (face.uncertain, face.reason, view.refused) == (True, "too small", 0)
    view.add(message(row(2, 2, changed(3, 2))))
    assert view.refused == 1


def changed(position: int, value) -> list:
    return [*FACE[:position], value, *FACE[position + 1 :]]


@pytest.mark.parametrize(
    "bad",
    [
        None, "row", [], [1, 2], row(0, 1), row(1.5, 1), row(1, -1), row(1, math.nan),
        row(1, "1"), row(True, 1), [1, 1, 0, 480, []], [1, 1, 640, 99_999, []], [1, 1, 640, 480, 5],
        row(1, 1, FACE[:-1]), row(1, 1, [*FACE, 0]), row(1, 1, *[FACE] * 51),
        row(1, 1, changed(0, 0)), row(1, 1, changed(1, 7)), row(1, 1, changed(2, 2)),
        row(1, 1, changed(3, 0)), row(1, 1, changed(3, "covered")),
        row(1, 1, changed(4, 1.1)), row(1, 1, changed(5, 181)), row(1, 1, changed(6, 1e9)),
        row(1, 1, changed(6, 200)), row(1, 1, changed(10, 0.9)), row(1, 1, changed(10, -0.1)),
        row(1, 1, changed(10, math.inf)), row(1, 1, changed(10, None)), row(10**12, 1),
    ],
)  # fmt: skip
def test_a_bad_row_is_left_out_and_counted(bad) -> None:
    view = DeviceView(clock=Clock())
    view.add(message(bad, row(7, 50, FACE)))
    assert view.refused >= 1
    assert view.latest is None or view.latest.frame == 7


@pytest.mark.parametrize(
    "bad", [{}, {"rows": None}, {"rows": "x", "stats": 3}, {"stats": {"fps": math.nan}}]
)
def test_a_message_without_rows_changes_nothing(bad: dict) -> None:
    view = DeviceView(clock=Clock())
    view.add(bad)
    assert view.latest is None
    assert view.stats().fps == 0
    assert not view.is_running


def test_old_rows_and_floods_are_not_taken() -> None:
    view = DeviceView(clock=Clock())
    view.add(message(*[row(n, n) for n in range(1, MOST_ROWS + 6)]))
    assert view.refused == 5
    view.add(message(row(3, 3)))
    assert view.refused == 6
    assert view.latest.frame == MOST_ROWS + 5


def test_a_recording_holds_the_rows_and_no_clip() -> None:
    clock = Clock()
    view = DeviceView(clock=clock)
    recorder = view.record()
    for number in range(1, 4):
        clock.now += 1
        view.add(message(row(number, 1000 * number, FACE)))
    recorder.stop()
    lines = recorder.csv.read_text("utf-8").splitlines()
    assert len(lines) == 4
    assert ",happy,0.5,False,yunet," in lines[1]
    assert (recorder.state.rows, recorder.state.frames, recorder.state.seconds) == (3, 0, 2)
    recorder.delete()


def test_crops_have_the_size_they_say() -> None:
    assert parse_crop(16, bytes(16 * 16 * 3)).shape == (16, 16, 3)
    for size, count in ((16, 5), (8, 8 * 8 * 3), (4096, 3), ("16", 768), (None, 768)):
        with pytest.raises(ValueError, match=r"number|reshape"):
            parse_crop(size, bytes(count))
    assert len(FACE) == 10 + len(EMOTIONS)
