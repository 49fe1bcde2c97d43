"""Many files and videos into one table: the same rows however often the job is stopped."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

from fer_core import bulk
from fer_core.bulk import parts, run, sources, videos
from fer_core.crew import Crew
from fer_core.errors import CancelledError, DatasetError, FerError, ImageError
from fer_core.images import encode
from fer_core.results import RESULT_COLUMNS
from fer_core.video import Sampling
from tests.clips import face_picture, make_clip, wall


@pytest.fixture
def crew() -> Crew:
    return Crew(2)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    for number in range(6):
        (folder / f"{number}.jpg").write_bytes(encode(face_picture(number)))
    (folder / "deeper" / "wall.PNG").write_bytes(encode(wall(0), ".png"))
    (folder / "bad.jpg").write_bytes(b"text")
    (folder / "._0.jpg").write_bytes(b"left by macOS")
    (folder / "notes.txt").write_text("not looked at")
    return folder


def read(file: Path) -> pd.DataFrame:
    return pd.read_parquet(file)


def test_a_folder_becomes_one_table_in_every_format(
    photos: Path, tmp_path: Path, crew: Crew
) -> None:
    make_clip(photos / "clip.mp4", 10)
    targets = [tmp_path / "out" / f"faces{suffix}" for suffix in (".parquet", ".csv", ".json")]
    heard: list[tuple[float, float]] = []
    summary = bulk.classify(
        [str(photos)], crew, targets, report=lambda done, total, _: heard.append((done, total))
    )
    table = read(targets[0])
    assert tuple(table.columns) == RESULT_COLUMNS
    assert (summary.files, summary.faces, summary.errors) == (9, 16, 1)
    assert summary.rows == len(table) == 18
    names = [Path(source).name for source in table.source.unique()]
    assert names == [
        "0.jpg",
        "1.jpg",
        "2.jpg",
        "3.jpg",
        "4.jpg",
        "5.jpg",
        "bad.jpg",
        "clip.mp4",
        "wall.PNG",
    ]
    clip = table[table.source.str.endswith("clip.mp4")]
    assert clip.frame.tolist() == list(range(1, 11))
    np.testing.assert_allclose(clip.time_s, np.arange(10) / 25, atol=1e-3)
    assert set(clip.person) == {1}
    missing = table[table.source.str.endswith("wall.PNG")].iloc[0]
    assert pd.isna(missing.x1)
    assert pd.isna(missing.error)
    wrong = pd.read_csv(summary.error_file)
    assert wrong.columns.tolist() == ["source", "error"]
    assert "not a picture" in wrong.error[0]
    assert pd.read_csv(targets[1]).emotion.fillna("").tolist() == table.emotion.fillna("").tolist()
    assert [row["frame"] for row in json.loads(targets[2].read_text())][7] == 1
    assert heard[-1] == (18, 18)
    assert all(a <= b for (a, _), (b, _) in pairwise(heard))
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "faces.csv", "faces.errors.csv", "faces.json", "faces.parquet",
    ]  # fmt: skip


def test_a_zip_is_read_without_unpacking_it(photos: Path, tmp_path: Path, crew: Crew) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "photos"), "zip", photos))
    before = set(tmp_path.rglob("*"))
    summary = bulk.classify([str(archive)], crew, [tmp_path / "faces.parquet"])
    assert (summary.files, summary.faces, summary.errors) == (8, 6, 1)
    table = read(tmp_path / "faces.parquet")
    assert f"{archive}/deeper/wall.PNG" in set(table.source)
    assert {file.name for file in set(tmp_path.rglob("*")) - before} == {
        "faces.parquet", "faces.errors.csv",
    }  # fmt: skip


def test_damage_inside_a_zip_is_one_files_error(photos: Path, tmp_path: Path, crew: Crew) -> None:
    file = tmp_path / "photos.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(3):
            archive.write(photos / f"{number}.jpg", f"{number}.jpg")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255  # in the middle of 1.jpg
    file.write_bytes(bytes(data))
    summary = bulk.classify([str(file)], crew, [tmp_path / "faces.parquet"])
    assert (summary.files, summary.faces, summary.errors) == (3, 2, 1)
    assert "1.jpg: damaged in the ZIP" in pd.read_csv(summary.error_file).error[0]


def zip_outside(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../evil.jpg", b"x")


def zip_bomb(file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jpg", bytes(20_000_000))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (zip_outside, "leads outside"),
        (zip_bomb, "would grow"),
        (lambda file: file.write_bytes(b"text"), "not a ZIP"),
        (lambda file: None, "cannot be read"),
    ],
    ids=["outside", "bomb", "text", "missing"],
)
def test_a_zip_that_breaks_the_rules_is_refused(
    tmp_path: Path, crew: Crew, make: Callable, message: str
) -> None:
    make(tmp_path / "bad.zip")
    with pytest.raises(DatasetError, match=message):
        bulk.classify([str(tmp_path / "bad.zip")], crew, [tmp_path / "faces.csv"])
    assert not (tmp_path / "faces.csv.parts").exists()


def test_patterns_and_names_are_listed_once(photos: Path) -> None:
    found = sources.listing([f"{photos}/[0-2].jpg", str(photos / "1.jpg"), f"{photos}/**/*.PNG"])
    assert [Path(one.name).name for one in found] == ["0.jpg", "1.jpg", "2.jpg", "wall.PNG"]
    with pytest.raises(ImageError, match="No pictures"):
        sources.listing([f"{photos}/*.gif"])


def test_too_many_files_are_refused(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_FILES", 3)
    with pytest.raises(ImageError, match="More than 3 files"):
        sources.listing([str(photos)])


@pytest.mark.parametrize(
    ("sampling", "frames"),
    [
        (Sampling(every=10), [1, 11, 21, 31]),
        (Sampling(per_second=5), [1, 6, 11, 16, 21, 26, 31, 36]),
        (Sampling(per_second=1000), list(range(1, 41))),
    ],
)
def test_sampling_takes_what_is_asked(
    tmp_path: Path, crew: Crew, sampling: Sampling, frames: list[int]
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 40)
    options = bulk.Options(sampling=sampling)
    bulk.classify([str(clip)], crew, [tmp_path / "faces.parquet"], options)
    table = read(tmp_path / "faces.parquet")
    assert table.frame.tolist() == frames


@pytest.mark.parametrize("values", [{"every": 0}, {"per_second": -1.0}, {"half_life_s": -1.0}])
def test_impossible_sampling_is_refused(values: dict) -> None:
    with pytest.raises(FerError, match="Sampling needs"):
        Sampling(**values)


def test_a_face_that_comes_and_goes(tmp_path: Path, crew: Crew) -> None:
    clip = make_clip(
        tmp_path / "clip.mp4",
        times=[number / 25 for number in range(20)] + [2 + number / 25 for number in range(50)],
        picture=lambda number: wall(number) if 5 <= number < 50 else face_picture(number),
    )
    bulk.classify([str(clip)], crew, [tmp_path / "faces.parquet"])
    table = read(tmp_path / "faces.parquet")
    empty = table[table.x1.isna()]
    assert empty.frame.tolist() == list(range(6, 51))
    assert set(table.person.dropna()) == {1, 2}  # away for longer than a second: a new person
    assert empty.error.isna().all()


def test_bad_videos_are_rows_and_the_rest_still_runs(tmp_path: Path, crew: Crew) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    make_clip(folder / "good.mp4", 5)
    (folder / "bad.mp4").write_bytes(b"text")
    cut = make_clip(folder / "cut.mkv", 400)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    options = bulk.Options(sampling=Sampling(every=50), annotated=tmp_path / "copies")
    summary = bulk.classify([str(folder)], crew, [tmp_path / "faces.csv"], options)
    assert (summary.files, summary.errors) == (3, 2)
    errors = pd.read_csv(summary.error_file).error.tolist()
    assert "bad.mp4: not a video" in errors[0]
    assert "cut.mkv: cut off or damaged" in errors[1]
    assert {file.name for file in (tmp_path / "copies").iterdir()} == {"good.mp4", "cut.mp4"}


@pytest.mark.parametrize(
    ("container", "sound"), [("mp4", "aac"), ("mkv", "pcm_s16le"), ("mp4", "")]
)
def test_the_annotated_copy_shows_every_picture_at_its_time_with_the_sound(
    tmp_path: Path, crew: Crew, container: str, sound: str
) -> None:
    times = [0, 0.04, 0.1, 0.3, 0.31, 0.6, 1.0, 1.1]
    clip = make_clip(tmp_path / f"clip.{container}", times=times, sound=sound)
    options = bulk.Options(sampling=Sampling(every=3), annotated=tmp_path / "copies")
    bulk.classify([str(clip)], crew, [tmp_path / "faces.parquet"], options)
    with av.open(str(tmp_path / "copies" / "clip.mp4")) as copy:
        assert copy.streams.video[0].codec_context.name == "h264"
        pictures = list(copy.decode(video=0))
    np.testing.assert_allclose([float(p.time) for p in pictures], times, atol=0.002)
    boxes = read(tmp_path / "faces.parquet").set_index("frame")
    for number, picture in enumerate(pictures):
        row = boxes.loc[number // 3 * 3 + 1]
        rgb, plain = (
            picture.to_ndarray(format="rgb24").astype(int),
            face_picture(number).astype(int),
        )
        edge = np.abs(rgb - plain)[round(row.y1) : round(row.y2), round(row.x1)].mean()
        corner = np.abs(rgb - plain)[-20:, :20].mean()
        assert edge > 25, number
        assert corner < 10, number
    with av.open(str(tmp_path / "copies" / "clip.mp4")) as copy:
        assert len(copy.streams.audio) == bool(sound)
        if sound:
            frames = list(copy.decode(audio=0))
            assert frames[0].time == pytest.approx(0, abs=0.03)
            assert frames[-1].time == pytest.approx(1.1, abs=0.1)
            assert np.abs(frames[10].to_ndarray()).max() > 0.1


def test_a_portrait_video_is_read_and_copied_upright(tmp_path: Path, crew: Crew) -> None:
    upright = np.ascontiguousarray(face_picture(0, 640, 480)[:, 140:500])
    lying = np.ascontiguousarray(np.rot90(upright, -1))
    clip = make_clip(tmp_path / "clip.mp4", 3, picture=lambda _: lying, rotation=90)
    options = bulk.Options(annotated=tmp_path / "copies")
    bulk.classify([str(clip)], crew, [tmp_path / "faces.parquet"], options)
    boxes = read(tmp_path / "faces.parquet")
    (straight,) = crew.first.detect(upright)
    for name in ("x1", "y1", "x2", "y2"):
        np.testing.assert_allclose(boxes[name], getattr(straight.box, name), atol=8)
    with av.open(str(tmp_path / "copies" / "clip.mp4")) as copy:
        pictures = list(copy.decode(video=0))
    assert [picture.rotation for picture in pictures] == [0, 0, 0]
    shown = pictures[0].to_ndarray(format="rgb24").astype(int)
    assert shown.shape == upright.shape
    assert np.abs(shown - upright)[-60:].mean() < 10


def stop_after(count: int) -> Callable[[float, float, str], None]:
    calls = [0]

    def report(*_: object) -> None:
        calls[0] += 1
        if calls[0] > count:
            raise CancelledError("Cancelled.")

    return report


def test_stopped_anywhere_it_goes_on_as_if_nothing_had_been(
    photos: Path, tmp_path: Path, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PHOTOS_A_PART", 2)
    monkeypatch.setattr(videos, "SHOTS_A_PART", 4)
    make_clip(photos / "clip.mp4", 21)
    options = bulk.Options(sampling=Sampling(every=2), annotated=tmp_path / "copies")
    target = tmp_path / "faces.parquet"
    bulk.classify([str(photos)], crew, [target], options)
    expected = read(target)
    expected_copy = decoded(tmp_path / "copies" / "clip.mp4")
    target.unlink()
    for count in (0, 3, 4, 6, 5, 9, 2):
        with pytest.raises(CancelledError):
            bulk.classify([str(photos)], crew, [target], options, stop_after(count))
        assert not target.exists()
    bulk.classify([str(photos)], crew, [target], options)
    pd.testing.assert_frame_equal(read(target), expected)
    np.testing.assert_array_equal(decoded(tmp_path / "copies" / "clip.mp4"), expected_copy)
    assert not (tmp_path / "faces.parquet.parts").exists()


def decoded(file: Path) -> np.ndarray:
    with av.open(str(file)) as clip:
        return np.stack([frame.to_ndarray(format="gray") for frame in clip.decode(video=0)])


def test_half_of_another_job_is_not_continued(
    photos: Path, tmp_path: Path, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PHOTOS_A_PART", 2)
    target = tmp_path / "faces.csv"
    with pytest.raises(CancelledError):
        bulk.classify([str(photos)], crew, [target], report=stop_after(5))
    other = bulk.Options(is_crop=True)
    with pytest.raises(FerError, match=r"half of another job .different: crop"):
        bulk.classify([str(photos)], crew, [target], other)
    summary = bulk.classify([str(photos)], crew, [target], bulk.Options(is_crop=True, restart=True))
    assert summary.files == 8
    assert set(pd.read_csv(target).detector.dropna()) == {"none"}


def test_a_file_that_comes_later_is_read_too(
    photos: Path, tmp_path: Path, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PHOTOS_A_PART", 2)
    target = tmp_path / "faces.parquet"
    with pytest.raises(CancelledError):
        bulk.classify([str(photos)], crew, [target], report=stop_after(5))
    (photos / "0new.jpg").write_bytes(encode(face_picture(9)))
    (photos / "5.jpg").unlink()
    bulk.classify([str(photos)], crew, [target])
    names = [Path(source).name for source in read(target).source]
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


def test_a_full_disk_is_told_and_what_is_done_stays(
    photos: Path, tmp_path: Path, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PHOTOS_A_PART", 2)
    real, calls = parts.write_bytes, [0]

    def full(file: Path, data: bytes) -> None:
        calls[0] += 1
        if calls[0] == 3:
            raise OSError(28, "No space left on device")
        real(file, data)

    monkeypatch.setattr(parts, "write_bytes", full)
    target = tmp_path / "faces.parquet"
    with pytest.raises(FerError, match=r"No space left on device.*goes on from there"):
        bulk.classify([str(photos)], crew, [target])
    assert len(list((tmp_path / "faces.parquet.parts").glob("*.parquet"))) == 2
    assert bulk.classify([str(photos)], crew, [target]).files == 8


@pytest.mark.parametrize("what", ["a piece", "the joined copy"])
def test_a_disk_that_is_full_for_the_annotated_copy_is_told_too(
    tmp_path: Path, crew: Crew, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The system refuses to write on: not the copy is given up but the job stops and goes on."""
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(videos, "SHOTS_A_PART", 10)
    clip = make_clip(tmp_path / "clip.mp4", 35, sound="aac")
    options = bulk.Options(sampling=Sampling(every=5), annotated=tmp_path / "copies")
    target, copy = tmp_path / "faces.parquet", tmp_path / "copies" / "clip.mp4"
    bulk.classify([str(clip)], crew, [target], options)
    expected, expected_copy, size = read(target), decoded(copy), copy.stat().st_size
    target.unlink()
    copy.unlink()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size // 8 if what == "a piece" else size - 1, hard))
    try:
        with pytest.raises(FerError, match=r"File too large.*goes on from there"):
            bulk.classify([str(clip)], crew, [target], options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.glob("copies/*.mp4"))
    bulk.classify([str(clip)], crew, [target], options)
    pd.testing.assert_frame_equal(read(target), expected)
    np.testing.assert_array_equal(decoded(copy), expected_copy)


def test_one_odd_file_does_not_end_the_job(
    photos: Path, tmp_path: Path, crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = run.PhotoReader.read

    def odd(self: run.PhotoReader, data: bytes, name: str, draw: bool) -> run.Photo:
        if name.endswith("2.jpg"):
            raise ValueError("odd")
        return real(self, data, name, draw)

    monkeypatch.setattr(run.PhotoReader, "read", odd)
    summary = bulk.classify([str(photos)], crew, [tmp_path / "faces.csv"])
    assert (summary.files, summary.faces, summary.errors) == (8, 5, 2)


SLOW = """
import sys, time
from fer_core.bulk import run, videos
run.PHOTOS_A_PART = 2
videos.SHOTS_A_PART = 5
from fer_core.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_killed_again_and_again_no_row_is_lost_or_twice(
    photos: Path,
    tmp_path: Path,
    crew: Crew,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """kill -9 at moments drawn by chance; the rows and the copy equal those of a run in peace."""
    chance = random.Random(8)
    make_clip(photos / "clip.mp4", 60, sound="aac")
    monkeypatch.setattr(run, "PHOTOS_A_PART", 2)
    monkeypatch.setattr(videos, "SHOTS_A_PART", 5)
    peace = bulk.Options(annotated=tmp_path / "peace" / "copies")
    bulk.classify([str(photos)], crew, [tmp_path / "peace" / "faces.parquet"], peace)
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
        read(tmp_path / "war" / "faces.parquet"), read(tmp_path / "peace" / "faces.parquet")
    )
    copies = [decoded(tmp_path / name / "copies" / "clip.mp4") for name in ("war", "peace")]
    np.testing.assert_array_equal(*copies)
