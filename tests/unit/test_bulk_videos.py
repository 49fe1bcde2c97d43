"""Videos among the many files: rows of what was sampled, and annotated copies."""

from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

from fer_core import bulk
from fer_core.errors import FerError
from fer_core.recognition.pool import RecognizerPool
from fer_core.video import Sampling, probe
from tests.clips import face_picture, make_clip, wall


@pytest.mark.parametrize(
    ("sampling", "frames"),
    [
        (Sampling(step=10), [1, 11, 21, 31]),
        (Sampling(per_second=5), [1, 6, 11, 16, 21, 26, 31, 36]),
        (Sampling(per_second=1000), list(range(1, 41))),
    ],
)
def test_sampling_takes_what_is_asked(
    tmp_path: Path, pool: RecognizerPool, sampling: Sampling, frames: list[int]
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", 40)
    options = bulk.Options(sampling=sampling)
    bulk.classify([str(clip)], pool, [tmp_path / "faces.parquet"], options)
    table = pd.read_parquet(tmp_path / "faces.parquet")
    assert table.frame.tolist() == frames


@pytest.mark.parametrize("values", [{"step": 0}, {"per_second": -1.0}, {"half_life_s": -1.0}])
def test_impossible_sampling_is_refused(values: dict) -> None:
    with pytest.raises(FerError, match="Sampling needs"):
        Sampling(**values)


def test_a_face_that_comes_and_goes(tmp_path: Path, pool: RecognizerPool) -> None:
    clip = make_clip(
        tmp_path / "clip.mp4",
        times=[number / 25 for number in range(20)] + [2 + number / 25 for number in range(50)],
        picture=lambda number: wall(number) if 5 <= number < 50 else face_picture(number),
    )
    bulk.classify([str(clip)], pool, [tmp_path / "faces.parquet"])
    table = pd.read_parquet(tmp_path / "faces.parquet")
    empty = table[table.x1.isna()]
    assert empty.frame.tolist() == list(range(6, 51))
    assert set(table.person.dropna()) == {1, 2}  # away for longer than a second: a new person
    assert empty.error.isna().all()


def test_bad_videos_are_rows_and_the_rest_still_runs(tmp_path: Path, pool: RecognizerPool) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    make_clip(folder / "good.mp4", 5)
    (folder / "bad.mp4").write_bytes(b"text")
    cut = make_clip(folder / "cut.mkv", 400)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    options = bulk.Options(sampling=Sampling(step=50), annotated=tmp_path / "copies")
    summary = bulk.classify([str(folder)], pool, [tmp_path / "faces.csv"], options)
    assert (summary.files, summary.errors) == (3, 2)
    errors = pd.read_csv(summary.error_file).error.tolist()
    assert "bad.mp4: not a video" in errors[0]
    assert "cut.mkv: cut off or damaged" in errors[1]
    assert {file.name for file in (tmp_path / "copies").iterdir()} == {"good.mp4", "cut.mp4"}


@pytest.mark.parametrize("place", ["clips", "clips/copies"])
def test_annotated_copies_take_no_originals_place(
    tmp_path: Path, pool: RecognizerPool, place: str
) -> None:
    (tmp_path / "clips").mkdir()
    clip = make_clip(tmp_path / "clips" / "good.mp4", 2)
    before, options = clip.read_bytes(), bulk.Options(annotated=tmp_path / place)
    with pytest.raises(FerError, match="among what is read"):
        bulk.classify([str(clip.parent)], pool, [tmp_path / "faces.csv"], options)
    with pytest.raises(FerError, match="among what is read"):
        bulk.classify([str(clip)], pool, [tmp_path / "faces.csv"],
                      bulk.Options(annotated=clip.parent))  # fmt: skip
    assert clip.read_bytes() == before


def stand_long(clip: Path, target: Path, seconds: float) -> Path:
    """A copy whose last picture is shown for ``seconds``."""
    with av.open(str(clip)) as old, av.open(str(target), "w") as new:
        packets = [packet for packet in old.demux(video=0) if packet.dts is not None]
        stream = new.add_stream_from_template(old.streams.video[0])
        packets[-1].duration = round(seconds / packets[-1].time_base)
        for packet in packets:
            packet.stream = stream
            new.mux(packet)
    return target


@pytest.mark.parametrize(
    ("container", "sampling"),
    [("mp4", Sampling()), ("mkv", Sampling()), ("mp4", Sampling(step=7))],
)
def test_a_last_picture_that_stands_long_is_no_damage(
    tmp_path: Path, pool: RecognizerPool, container: str, sampling: Sampling
) -> None:
    clip = make_clip(tmp_path / "clip.avi", 20, picture=wall, codec="mpeg4")
    whole = stand_long(clip, tmp_path / f"whole.{container}", 8)
    options = bulk.Options(sampling=sampling)
    summary = bulk.classify([str(whole)], pool, [tmp_path / "faces.csv"], options)
    assert probe(whole).seconds > 8
    assert summary.errors == 0


@pytest.mark.parametrize(
    ("container", "sound"), [("mp4", "aac"), ("mkv", "pcm_s16le"), ("mp4", "")]
)
def test_the_annotated_copy_shows_every_picture_at_its_time_with_the_sound(
    tmp_path: Path, pool: RecognizerPool, container: str, sound: str
) -> None:
    times = [0, 0.04, 0.1, 0.3, 0.31, 0.6, 1.0, 1.1]
    clip = make_clip(tmp_path / f"clip.{container}", times=times, sound=sound)
    options = bulk.Options(sampling=Sampling(step=3), annotated=tmp_path / "copies")
    bulk.classify([str(clip)], pool, [tmp_path / "faces.parquet"], options)
    with av.open(str(tmp_path / "copies" / "clip.mp4")) as copy:
        assert copy.streams.video[0].codec_context.name == "h264"
        pictures = list(copy.decode(video=0))
    np.testing.assert_allclose([float(p.time) for p in pictures], times, atol=0.002)
    boxes = pd.read_parquet(tmp_path / "faces.parquet").set_index("frame")
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


def test_a_portrait_video_is_read_and_copied_upright(tmp_path: Path, pool: RecognizerPool) -> None:
    upright = np.ascontiguousarray(face_picture(0, 640, 480)[:, 140:500])
    lying = np.ascontiguousarray(np.rot90(upright, -1))
    clip = make_clip(tmp_path / "clip.mp4", 3, picture=lambda _: lying, rotation=90)
    options = bulk.Options(annotated=tmp_path / "copies")
    bulk.classify([str(clip)], pool, [tmp_path / "faces.parquet"], options)
    boxes = pd.read_parquet(tmp_path / "faces.parquet")
    (straight,) = pool.first.detect(upright)
    for name in ("x1", "y1", "x2", "y2"):
        np.testing.assert_allclose(boxes[name], getattr(straight.box, name), atol=8)
    with av.open(str(tmp_path / "copies" / "clip.mp4")) as copy:
        pictures = list(copy.decode(video=0))
    assert [picture.rotation for picture in pictures] == [0, 0, 0]
    shown = pictures[0].to_ndarray(format="rgb24").astype(int)
    assert shown.shape == upright.shape
    assert np.abs(shown - upright)[-60:].mean() < 10
