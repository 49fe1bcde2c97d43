"""Recordings: the table, the clip, their bounds and their end."""

import csv
import errno
import gc
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import Mock

import av
import numpy as np
import pandas as pd
import pytest

from fer_core.images.boxes import Box
from fer_core.images.yuv import from_rgb
from fer_core.labels import EMOTIONS
from fer_core.live.recorder import Recorder
from fer_core.recognition.results import RESULT_COLUMNS
from tests.unit.live_stubs import picture, tracked, until

OPEN = av.open
START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def test_the_table_has_a_row_a_face_and_one_for_nobody():
    recorder = Recorder(started=START)
    recorder.add_result([tracked(1), tracked(2, uncertain=True)], 7, 100.0, "yunet")
    recorder.add_result([], 8, 100.04, "yunet")
    recorder.stop()
    table = pd.read_csv(recorder.csv)
    assert tuple(table.columns) == ("time", *RESULT_COLUMNS)
    assert table.frame.tolist() == [7, 7, 8]
    assert table.person.tolist()[:2] == [1, 2]
    assert table.x1.isna().tolist() == [False, False, True]
    assert table.uncertain.tolist()[:2] == [False, True]
    assert table[[f"p_{e}" for e in EMOTIONS]].sum(axis=1).iloc[0] == pytest.approx(1, abs=1e-3)
    assert pd.to_datetime(table.time).iloc[2] == pd.Timestamp("2026-05-01T12:00:00.040Z")
    assert recorder.state.rows == 3
    recorder.delete()


def test_the_clip_plays_at_the_pace_it_was_seen():
    recorder = Recorder()
    for step in range(20):
        recorder.add_frame(picture(10 * step), 50 + step * 0.1)
        while recorder.state.frames < step - 5:
            pass
    recorder.stop()
    with av.open(str(recorder.mp4)) as clip:
        frames = list(clip.decode(video=0))
    assert len(frames) + recorder.state.left_out == 20
    assert (frames[0].width, frames[0].height) == (640, 480)
    assert float(frames[-1].time) == pytest.approx(1.9, abs=0.02)
    bright = [frame.to_ndarray(format="rgb24").mean() for frame in frames]
    assert np.all(np.diff(bright) > 0)
    recorder.delete()


def square(width: int, height: int) -> tuple[np.ndarray, Box]:
    """A frame with a white square in the middle, and its box."""
    side = min(width, height) // 4 * 2
    x, y = (width - side) // 2, (height - side) // 2
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[y : y + side, x : x + side] = 255
    return from_rgb(rgb), Box(x, y, x + side, y + side)


@pytest.mark.parametrize("is_size_given", [True, False])
@pytest.mark.parametrize(
    "sizes",
    [
        [(640, 480), (480, 360), (320, 240), (640, 480)],  # a browser that is short of bandwidth
        [(640, 480), (480, 640), (640, 480)],  # a phone that is turned
        [(320, 240), (1280, 720), (360, 640)],
    ],
)
def test_boxes_fit_the_clip_when_the_size_changes(sizes: list, is_size_given: bool) -> None:
    recorder = Recorder()
    for step, size in enumerate(sizes):
        yuv, box = square(*size)
        if is_size_given and step == 0:  # a quick machine: the result comes before its frame
            recorder.add_result([tracked(box=box)], 1, 0.0, "yunet", size)
        recorder.add_frame(yuv, step / 10)
        if not is_size_given or step:
            given = size if is_size_given else None
            recorder.add_result([tracked(box=box)], step + 1, step / 10, "yunet", given)
    recorder.stop()
    table = pd.read_csv(recorder.csv)
    with av.open(str(recorder.mp4)) as clip:
        frames = [frame.to_ndarray(format="gray") for frame in clip.decode(video=0)]
    assert len(frames) == len(table) == len(sizes)
    for frame, row in zip(frames, table.itertuples(), strict=True):
        assert frame.shape == sizes[0][::-1]
        rows, columns = np.where(frame > 128)
        edges = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        np.testing.assert_allclose((row.x1, row.y1, row.x2, row.y2), edges, atol=4)
    recorder.delete()


def test_it_stops_by_itself_at_the_limit():
    recorder = Recorder(limit_s=1.0)
    for step in range(30):
        recorder.add_result([tracked()], step, step * 0.1, "yunet")
        recorder.add_frame(picture(), step * 0.1)
    state = recorder.state
    assert (state.running, state.at_limit) == (False, True)
    assert state.rows == 11
    assert state.seconds <= 1.0
    recorder.delete()


def test_a_slow_encoder_leaves_pictures_out_instead_of_queueing_them():
    recorder = Recorder()
    large = picture(100, 1920, 1080)
    for step in range(200):
        recorder.add_frame(large, step / 1000)
    recorder.stop()
    state = recorder.state
    assert state.left_out > 0
    assert state.frames + state.left_out == 200
    recorder.delete()


def test_nothing_is_left_when_deleted_or_forgotten():
    recorder = Recorder()
    recorder.add_frame(picture(), 0.0)
    folder = recorder.csv.parent
    recorder.delete()
    assert not folder.exists()
    recorder.stop()  # twice is harmless
    forgotten = Recorder()
    folder = forgotten.csv.parent
    forgotten.stop()
    del forgotten
    gc.collect()
    assert not folder.exists()


def test_a_recording_without_any_picture_still_has_its_table():
    recorder = Recorder()
    recorder.stop()
    assert pd.read_csv(recorder.csv).empty
    assert recorder.state.frames == 0
    recorder.delete()


def full_table(recorder: Recorder) -> None:
    """From now on the table's disk is full."""
    recorder._file.close()
    recorder._file = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115  # it is closed there
    recorder._table = csv.DictWriter(recorder._file, ("time", *RESULT_COLUMNS))


def test_a_full_disk_at_the_end_still_ends_the_clip() -> None:
    recorder = Recorder()
    full_table(recorder)
    recorder.add_frame(picture(), 0.0)
    recorder.add_result([tracked()], 1, 0.0, "yunet")
    recorder.stop()
    assert not recorder._encoder.is_alive()
    assert recorder.state.error == (
        "The table could not be written: No space left on device. Free some space."
    )
    assert recorder.state.frames == 1
    recorder.delete()


def test_a_full_disk_ends_the_recording_and_not_the_live_view() -> None:
    recorder = Recorder()
    full_table(recorder)
    for step in range(400):  # more than is kept until it is written
        recorder.add_result([tracked()], step, step / 100, "yunet")
    assert not recorder.state.running
    assert "The table could not be written" in recorder.state.error
    recorder.delete()


class FullAtTheEnd:
    """A clip whose last bytes find the disk full."""

    def __init__(self, *arguments, **options) -> None:
        self._clip = OPEN(*arguments, **options)

    def __enter__(self):
        return self._clip.__enter__()

    def __exit__(self, *error) -> None:
        self._clip.__exit__(*error)
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_clip_that_cannot_be_closed_still_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "open", FullAtTheEnd)
    recorder = Recorder()
    recorder.add_frame(picture(), 0.0)
    recorder.stop()
    assert not recorder._encoder.is_alive()
    assert recorder.state.error == (
        "The clip could not be written: No space left on device. Free some space."
    )
    recorder.delete()


def test_a_clip_that_fails_on_the_way_ends_the_recording_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(av, "open", Mock(side_effect=OSError(errno.ENOSPC, "No space")))
    recorder = Recorder()
    for step in range(5):
        recorder.add_frame(picture(), step / 10)
    until(lambda: not recorder.state.running)  # nobody pressed Stop
    assert recorder.state.error == "The clip could not be written: No space. Free some space."
    recorder.add_frame(picture(), 1.0)  # harmless
    recorder.stop()
    assert not recorder._encoder.is_alive()
    recorder.delete()
