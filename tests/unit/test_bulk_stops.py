"""Stopped, killed, out of disk: going on gives the same rows and copies as a job in peace."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fer_core import bulk
from fer_core.bulk import checkpoint, run, video_job
from fer_core.errors import CancelledError, FerError
from fer_core.images.codec import encode
from fer_core.recognition.pool import RecognizerPool
from fer_core.video import Sampling
from tests.clips import decoded, face_picture, make_clip, wall


def stop_after(count: int) -> Callable[[float, float, str], None]:
    calls = [0]

    def report(*_: object) -> None:
        calls[0] += 1
        if calls[0] > count:
            raise CancelledError("Cancelled.")

    return report


def test_stopped_anywhere_it_goes_on_as_if_nothing_had_been(
    photos: Path, tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PHOTOS_A_PART", 2)
    monkeypatch.setattr(video_job, "SHOTS_A_PART", 4)
    make_clip(photos / "clip.mp4", 21)
    options = bulk.Options(sampling=Sampling(step=2), annotated=tmp_path / "copies")
    target = tmp_path / "faces.parquet"
    bulk.classify([str(photos)], pool, [target], options)
    expected = pd.read_parquet(target)
    expected_copy = decoded(tmp_path / "copies" / "clip.mp4")
    target.unlink()
    for count in (0, 3, 4, 6, 5, 9, 2):
        with pytest.raises(CancelledError):
            bulk.classify([str(photos)], pool, [target], options, stop_after(count))
        assert not target.exists()
    bulk.classify([str(photos)], pool, [target], options)
    pd.testing.assert_frame_equal(pd.read_parquet(target), expected)
    np.testing.assert_array_equal(decoded(tmp_path / "copies" / "clip.mp4"), expected_copy)
    assert not (tmp_path / "faces.parquet.parts").exists()


def test_half_of_another_job_is_not_continued(
    photos: Path, tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PHOTOS_A_PART", 2)
    target = tmp_path / "faces.csv"
    with pytest.raises(CancelledError):
        bulk.classify([str(photos)], pool, [target], report=stop_after(5))
    other = bulk.Options(is_crop=True)
    with pytest.raises(FerError, match=r"half of another job .different: crop"):
        bulk.classify([str(photos)], pool, [target], other)
    summary = bulk.classify([str(photos)], pool, [target], bulk.Options(is_crop=True, restart=True))
    assert summary.files == 8
    assert set(pd.read_csv(target).detector.dropna()) == {"none"}


def test_a_file_that_comes_later_is_read_too(
    photos: Path, tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PHOTOS_A_PART", 2)
    target = tmp_path / "faces.parquet"
    with pytest.raises(CancelledError):
        bulk.classify([str(photos)], pool, [target], report=stop_after(5))
    (photos / "0new.jpg").write_bytes(encode(face_picture(9)))
    (photos / "5.jpg").unlink()
    bulk.classify([str(photos)], pool, [target])
    names = [Path(source).name for source in pd.read_parquet(target).source]
    assert sorted(names) == [
        "0.jpg",
        "0new.jpg",
        "1.jpg",
        "2.jpg",
        "3.jpg",
        "4.jpg",
        "bad.jpg",
        "wall.PNG",
    ]


def test_files_that_come_before_a_half_read_video_do_not_double_its_rows(
    tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PHOTOS_A_PART", 1)
    monkeypatch.setattr(video_job, "SHOTS_A_PART", 4)
    place, target = tmp_path / "files", tmp_path / "faces.parquet"
    place.mkdir()
    make_clip(place / "clip.mp4", 21)
    options = bulk.Options(annotated=tmp_path / "copies")
    with pytest.raises(CancelledError):
        bulk.classify([str(place)], pool, [target], options, stop_after(10))
    make_clip(place / "a.mp4", 7, picture=wall)
    (place / "0.jpg").write_bytes(encode(face_picture(0)))
    with pytest.raises(CancelledError):
        bulk.classify([str(place)], pool, [target], options, stop_after(3))
    bulk.classify([str(place)], pool, [target], options)
    table = pd.read_parquet(target).groupby("source")["frame"].agg(list)
    assert sorted(table[str(place / "clip.mp4")]) == list(range(1, 22))
    assert sorted(table[str(place / "a.mp4")]) == list(range(1, 8))
    assert len(table) == 3
    assert len(decoded(tmp_path / "copies" / "clip.mp4")) == 21
    assert len(decoded(tmp_path / "copies" / "a.mp4")) == 7


def test_a_full_disk_is_told_and_what_is_done_stays(
    photos: Path, tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PHOTOS_A_PART", 2)
    real, calls = checkpoint.write_bytes, [0]

    def full(file: Path, data: bytes, durable: bool) -> None:
        calls[0] += 1
        if calls[0] == 4:  # the plan and two parts are written
            raise OSError(28, "No space left on device")
        real(file, data, durable)

    monkeypatch.setattr(checkpoint, "write_bytes", full)
    target = tmp_path / "faces.parquet"
    with pytest.raises(FerError, match=r"No space left on device.*continues from there"):
        bulk.classify([str(photos)], pool, [target])
    assert len(list((tmp_path / "faces.parquet.parts").glob("*.parquet"))) == 2
    assert bulk.classify([str(photos)], pool, [target]).files == 8


@pytest.mark.parametrize("what", ["a piece", "the joined copy"])
def test_a_disk_that_is_full_for_the_annotated_copy_is_told_too(
    tmp_path: Path, pool: RecognizerPool, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The system refuses to write on: not the copy is given up but the job stops and goes on."""
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(video_job, "SHOTS_A_PART", 10)
    clip = make_clip(tmp_path / "clip.mp4", 35, sound="aac")
    options = bulk.Options(sampling=Sampling(step=5), annotated=tmp_path / "copies")
    target, copy = tmp_path / "faces.parquet", tmp_path / "copies" / "clip.mp4"
    bulk.classify([str(clip)], pool, [target], options)
    expected, expected_copy, size = pd.read_parquet(target), decoded(copy), copy.stat().st_size
    target.unlink()
    copy.unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 8 if what == "a piece" else size - 1, hard))
    try:
        with pytest.raises(FerError, match=r"File too large.*continues from there"):
            bulk.classify([str(clip)], pool, [target], options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.glob("copies/*.mp4"))
    bulk.classify([str(clip)], pool, [target], options)
    pd.testing.assert_frame_equal(pd.read_parquet(target), expected)
    np.testing.assert_array_equal(decoded(copy), expected_copy)


SLOW = """
import sys, time
from fer_core.bulk import run, video_job
run.PHOTOS_A_PART = 2
video_job.SHOTS_A_PART = 5
from fer_core.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_killed_again_and_again_no_row_is_lost_or_twice(
    photos: Path,
    tmp_path: Path,
    pool: RecognizerPool,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """kill -9 at moments drawn by chance; the rows and the copy equal those of a run in peace."""
    chance = random.Random(8)
    make_clip(photos / "clip.mp4", 60, sound="aac")
    monkeypatch.setattr(run, "PHOTOS_A_PART", 2)
    monkeypatch.setattr(video_job, "SHOTS_A_PART", 5)
    peace = bulk.Options(annotated=tmp_path / "peace" / "copies")
    bulk.classify([str(photos)], pool, [tmp_path / "peace" / "faces.parquet"], peace)
    script = tmp_path / "slow.py"
    script.write_text(SLOW)

    def start(out: Path) -> subprocess.Popen:
        command = [sys.executable, script, "classify", photos, "--out", out / "faces.parquet"]
        return subprocess.Popen(
            [*command, "--annotated", out / "copies"],
            env=os.environ | {"PYTHONPATH": "."}, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    folder = tmp_path / "war" / "faces.parquet.parts"
    for kill in range(request.config.getoption("--kills")):
        process = start(tmp_path / "war")
        wanted = len(list(folder.glob("*.parquet"))) + 1
        limit = time.monotonic() + 60
        while len(list(folder.glob("*.parquet"))) < wanted and process.poll() is None:
            assert time.monotonic() < limit
            time.sleep(0.002)
        time.sleep(chance.random() * 0.1)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -9 or kill > 1, "it ended before the first kills"
    last = start(tmp_path / "war")
    _, said = last.communicate()
    assert last.returncode == 1, said.decode()  # one picture is bad
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "war" / "faces.parquet"),
        pd.read_parquet(tmp_path / "peace" / "faces.parquet"),
    )
    copies = [decoded(tmp_path / name / "copies" / "clip.mp4") for name in ("war", "peace")]
    np.testing.assert_array_equal(*copies)


def test_an_unwritable_place_is_said(photos: Path, tmp_path: Path, pool: RecognizerPool) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FerError, match=r"x\.csv cannot be written"):
        bulk.classify([str(photos)], pool, [tmp_path / "file" / "x.csv"])
