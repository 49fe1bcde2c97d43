"""Reading video files: what they say of themselves, their pictures and their times."""

from pathlib import Path

import av
import numpy as np
import pytest

from fer_core.canvas import to_rgb
from fer_core.errors import VideoError
from fer_core.video import probe, shots, source
from tests.clips import HEIGHT, WIDTH, face_picture, make_clip, make_sound


def close_to(yuv: np.ndarray, rgb: np.ndarray) -> bool:
    return np.abs(to_rgb(yuv).astype(int) - rgb.astype(int)).mean() < 8


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mov", "libx264"),
        ("a.mkv", "libx264"),
        ("a.webm", "libvpx-vp9"),
        ("a.avi", "mpeg4"),
    ],
)
def test_every_container_gives_its_pictures_and_times(
    tmp_path: Path, name: str, codec: str
) -> None:
    file = make_clip(tmp_path / name, 30, codec=codec)
    info = probe(file)
    assert (info.width, info.height, info.has_sound) == (WIDTH, HEIGHT, False)
    assert info.seconds == pytest.approx(1.2, abs=0.1)
    found = list(shots(file))
    assert [shot.frame for shot in found] == list(range(1, 31))
    times = [shot.time_s for shot in found]
    np.testing.assert_allclose(times, np.arange(30) / 25, atol=0.002)
    assert close_to(found[20].yuv, face_picture(20))


def test_uneven_times_are_the_files_own(tmp_path: Path) -> None:
    times = [0, 0.04, 0.5, 0.51, 2.0, 2.7]
    file = make_clip(tmp_path / "vfr.mp4", times=times)
    np.testing.assert_allclose([shot.time_s for shot in shots(file)], times, atol=1e-4)


@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (180, 2), (-90, 3), (270, 3)])
def test_rotated_video_is_turned_upright(tmp_path: Path, rotation: int, turns: int) -> None:
    file = make_clip(tmp_path / "turned.mp4", 3, rotation=rotation)
    info = probe(file)
    upright = np.rot90(face_picture(1), turns)
    assert (info.height, info.width) == upright.shape[:2]
    assert close_to(list(shots(file))[1].yuv, upright)


def test_going_on_in_the_middle_gives_the_same_pictures(tmp_path: Path) -> None:
    """Also where the file is long enough to jump."""
    times = [number / 5 for number in range(150)]
    file = make_clip(tmp_path / "long.mp4", times=times)
    every = list(shots(file))
    for at in (3, 60, 120, 148):
        rest = list(shots(file, every[at].time_s, every[at].frame))
        assert [(shot.frame, shot.time_s) for shot in rest] == [
            (shot.frame, shot.time_s) for shot in every[at + 1 :]
        ]
        assert np.array_equal(rest[0].yuv, every[at + 1].yuv)


def test_large_and_odd_pictures_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "WORK_EDGE", 160)
    monkeypatch.setattr(source, "LARGE_PIXELS", 100)
    file = make_clip(tmp_path / "large.mp4", 2)
    assert probe(file).work_size == (160, 120)
    shot = next(shots(file))
    assert shot.yuv.shape == (180, 160)
    monkeypatch.setattr(source, "MAX_PIXELS", WIDTH * HEIGHT - 1)
    with pytest.raises(VideoError, match="too large"):
        probe(file)


def test_a_cut_file_gives_what_is_there(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mkv", 50)
    data = whole.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 2 // 3])
    found = list(shots(tmp_path / "cut.mkv"))
    assert 0 < len(found) < 50


def unknown_codec(file: Path) -> None:
    make_clip(file, 3)
    file.write_bytes(file.read_bytes().replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC"))


def no_pictures(file: Path) -> None:
    with av.open(str(file), "w") as clip:
        stream = clip.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        clip.start_encoding()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda file: file.write_bytes(b""), "not a video that can be opened"),
        (lambda file: file.write_bytes(b"text" * 1000), "not a video that can be opened"),
        (lambda file: None, "not a video that can be opened .No such file"),
        (
            lambda file: file.write_bytes(make_clip(file, 20).read_bytes()[:3000]),
            "cut off or damaged",
        ),
        (make_sound, "no video in it"),
        (unknown_codec, "cannot decode|no picture"),
        (no_pictures, "no picture in it|not a video|no video"),
    ],
    ids=["empty", "text", "missing", "cut", "sound", "codec", "nothing"],
)
def test_bad_files_are_named_with_the_reason(tmp_path: Path, make, message: str) -> None:
    file = tmp_path / "bad.mp4"
    make(file)
    with pytest.raises(VideoError, match=message) as told:
        probe(file)
    assert "bad.mp4" in str(told.value)
