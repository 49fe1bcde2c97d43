"""Reading video files: what they say of themselves, their pictures and their times."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from fer_core.errors import VideoError
from fer_core.images.codec import encode
from fer_core.images.yuv import to_rgb
from fer_core.video import decoder, frames, metadata, probe
from tests.clips import HEIGHT, WIDTH, face_picture, make_clip, make_sound, wall


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
    assert (info.width, info.height) == (WIDTH, HEIGHT)
    assert info.seconds == pytest.approx(1.2, abs=0.1)
    decoded = list(frames(file))
    assert [frame.number for frame in decoded] == list(range(1, 31))
    times = [frame.time_s for frame in decoded]
    np.testing.assert_allclose(times, np.arange(30) / 25, atol=0.002)
    assert close_to(decoded[20].yuv, face_picture(20))


def test_uneven_times_are_the_files_own(tmp_path: Path) -> None:
    times = [0, 0.04, 0.5, 0.51, 2.0, 2.7]
    file = make_clip(tmp_path / "vfr.mp4", times=times)
    np.testing.assert_allclose([frame.time_s for frame in frames(file)], times, atol=1e-4)


@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (180, 2), (-90, 3), (270, 3)])
def test_rotated_video_is_turned_upright(tmp_path: Path, rotation: int, turns: int) -> None:
    file = make_clip(tmp_path / "turned.mp4", 3, rotation=rotation)
    info = probe(file)
    upright = np.rot90(face_picture(1), turns)
    assert (info.height, info.width) == upright.shape[:2]
    assert close_to(list(frames(file))[1].yuv, upright)


def test_going_on_in_the_middle_gives_the_same_pictures(tmp_path: Path) -> None:
    """Also where the file is long enough to jump."""
    times = [number / 5 for number in range(150)]
    file = make_clip(tmp_path / "long.mp4", times=times)
    whole = list(frames(file))
    for at in (3, 60, 120, 148):
        rest = list(frames(file, whole[at].time_s, whole[at].number))
        assert [(frame.number, frame.time_s) for frame in rest] == [
            (frame.number, frame.time_s) for frame in whole[at + 1 :]
        ]
        assert np.array_equal(rest[0].yuv, whole[at + 1].yuv)


def test_large_and_odd_pictures_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "WORK_EDGE", 160)
    monkeypatch.setattr(decoder, "LARGE_PIXELS", 100)
    file = make_clip(tmp_path / "large.mp4", 2)
    assert probe(file).work_size == (160, 120)
    frame = next(frames(file))
    assert frame.yuv.shape == (180, 160)
    monkeypatch.setattr(decoder, "MAX_PIXELS", WIDTH * HEIGHT - 1)
    with pytest.raises(VideoError, match="too large"):
        probe(file)


def test_8k_is_scaled_down_while_it_is_decoded(tmp_path: Path) -> None:
    file = make_clip(tmp_path / "8k.mp4", 1, picture=lambda n: wall(n, 7680, 4320), codec="mpeg4")
    assert (probe(file).width, probe(file).height) == (7680, 4320)
    assert [frame.yuv.shape for frame in frames(file)] == [(1620, 1920)]


def test_a_header_of_no_pictures_a_second_is_not_believed(tmp_path: Path) -> None:
    file = make_clip(tmp_path / "zero.avi", 30, codec="mpeg4")
    data = bytearray(file.read_bytes())
    main, stream = data.index(b"avih") + 8, data.index(b"strh") + 8
    data[main : main + 4] = bytes(4)  # microseconds a picture
    data[stream + 20 : stream + 28] = struct.pack("<II", 1, 0)  # no pictures in one second
    file.write_bytes(data)
    info = probe(file)
    assert info.rate == 25
    assert info.seconds == pytest.approx(1.2, abs=0.1)
    times = [frame.time_s for frame in frames(file)]
    np.testing.assert_allclose(times, np.arange(30) / 25, atol=0.002)


def test_a_header_without_length_and_rate_is_made_up_for_by_counting(tmp_path: Path) -> None:
    """As a browser records: its header is written first and never again."""
    times = [number * 0.07 + number % 3 * 0.005 for number in range(40)]
    file = make_clip(tmp_path / "recorded.mkv", times=times)
    data = file.read_bytes()
    for element in (b"\x44\x89", b"\x23\xe3\x83"):  # Duration, DefaultDuration
        at = data.index(element)
        size = data[at + len(element)] & 0x7F
        empty = bytes([0xEC, 0x80 | (len(element) + size - 1)]).ljust(
            len(element) + 1 + size, b"\0"
        )
        data = data[:at] + empty + data[at + len(empty) :]
    file.write_bytes(data.replace(b"DURATION", b"OTHERTAG"))
    with av.open(str(file)) as clip:
        assert not clip.duration
        assert not clip.streams.video[0].average_rate
    info = probe(file)
    assert info.seconds == pytest.approx(2.8, abs=0.02)
    assert info.rate == pytest.approx(1 / 0.07, rel=0.02)
    np.testing.assert_allclose([frame.time_s for frame in frames(file)], times, atol=0.002)


def test_sound_that_goes_on_does_not_make_the_video_longer(tmp_path: Path) -> None:
    file = make_clip(tmp_path / "long_sound.mkv", 10, sound="aac", sound_s=5)
    with av.open(str(file)) as clip:
        assert clip.duration > 4_900_000
    assert probe(file).seconds == pytest.approx(0.4, abs=0.05)


def test_a_cut_file_gives_what_is_there(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mkv", 50)
    data = whole.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 2 // 3])
    decoded = list(frames(tmp_path / "cut.mkv"))
    assert 0 < len(decoded) < 50


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
            "cut off, damaged, or no video",
        ),
        (make_sound, "no video in it"),
        (unknown_codec, "cannot decode|no frame"),
        (no_pictures, "no frame in it|not a video|no video"),
    ],
    ids=["empty", "text", "missing", "cut", "sound", "codec", "nothing"],
)
def test_bad_files_are_named_with_the_reason(tmp_path: Path, make, message: str) -> None:
    file = tmp_path / "bad.mp4"
    make(file)
    with pytest.raises(VideoError, match=message) as error:
        probe(file)
    assert "bad.mp4" in str(error.value)


def test_pictures_that_grow_after_the_first_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "grows.avi"
    with av.open(str(file), "w") as clip:
        stream = clip.add_stream("mjpeg", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuvj420p"
        for number in range(4):
            side = 64 if number < 2 else 640
            packet = av.Packet(encode(np.full((side, side, 3), 90, np.uint8)))
            packet.stream, packet.pts, packet.dts = stream, number, number
            packet.time_base = Fraction(1, 10)
            clip.mux(packet)
    assert len(list(frames(file))) == 4
    monkeypatch.setattr(decoder, "MAX_PIXELS", 100_000)
    probe(file)
    with pytest.raises(VideoError, match=r"grows\.avi: a frame in it"):
        list(frames(file))
