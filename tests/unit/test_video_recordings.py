"""Video as cameras, phones, browsers and broadcasts record it."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from fer_core import bulk
from fer_core.bulk.inputs import listing
from fer_core.images.yuv import to_rgb
from fer_core.recognition.pool import RecognizerPool
from fer_core.video import Sampling, VideoDecoder, frames, is_video, probe
from fer_core.video.clock import Clock
from fer_core.video.writer import PieceWriter, join
from tests.clips import HEIGHT, WIDTH, face_picture, make_clip, make_sound, wall

STEP = 1 / 25

TURNS = {  # display matrix (a, b, c, d): how a frame is stored to be upright with it
    "upright": ((1, 0, 0, 1), lambda rgb: rgb),
    "mirrored": ((-1, 0, 0, 1), np.fliplr),
    "upside down": ((1, 0, 0, -1), np.flipud),
    "half turn": ((-1, 0, 0, -1), lambda rgb: np.rot90(rgb, 2)),
    "transposed": ((0, 1, 1, 0), lambda rgb: rgb.transpose(1, 0, 2)),
    "quarter turn": ((0, 1, -1, 0), lambda rgb: np.rot90(rgb, 1)),
    "transverse": ((0, -1, -1, 0), lambda rgb: np.rot90(rgb, 2).transpose(1, 0, 2)),
    "three quarters": ((0, -1, 1, 0), lambda rgb: np.rot90(rgb, 3)),
}


def difference(yuv: np.ndarray, rgb: np.ndarray) -> float:
    """Return the mean absolute difference in grey values."""
    return float(np.abs(to_rgb(yuv).astype(int) - rgb.astype(int)).mean())


def set_display_matrix(file: Path, matrix: Sequence[int]) -> None:
    data = bytearray(file.read_bytes())
    at = data.find(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    file.write_bytes(data)


@pytest.mark.parametrize("turn", TURNS)
def test_all_eight_orientations_come_out_upright(tmp_path: Path, turn: str) -> None:
    matrix, stored = TURNS[turn]
    file = make_clip(tmp_path / "a.mp4", 2, picture=lambda n: np.ascontiguousarray(
        stored(face_picture(n))))  # fmt: skip
    set_display_matrix(file, matrix)
    assert (probe(file).width, probe(file).height) == (WIDTH, HEIGHT)
    assert difference(next(frames(file)).yuv, face_picture(0)) < 8


@pytest.mark.parametrize(
    ("stamps", "max_gap_s", "times"),
    [
        ([0, 1, 2, 3], np.inf, [0, 1, 2, 3]),
        ([None, None, None], np.inf, [0, 1, 2]),
        ([7, 8, 9], np.inf, [2, 3, 4]),  # the file starts at 5
        ([5, 6, 7, 5, 6, 7], np.inf, [0, 1, 2, 3, 4, 5]),  # two recordings joined
        ([5, 6, 65, 66, 67], np.inf, [0, 1, 60, 61, 62]),  # nothing moved on the screen
        ([5, 6, 65, 66, 67], 10, [0, 1, 2, 3, 4]),  # the clock was reset
        ([5, 6, 900, 8, 9], np.inf, [0, 1, 2, 3, 4]),  # one time stamp is wrong
        ([5, 6, 7, 5, 9, 10], np.inf, [0, 1, 2, 3, 4, 5]),
        ([5, 6, 6, 7], np.inf, [0, 1, 1.001, 2]),
        ([5, 6, 5.8, 7], np.inf, [0, 1, 1.001, 2]),  # jitter
    ],
)
def test_times_always_increase_and_follow_the_file(stamps, max_gap_s, times) -> None:
    start = 5 if None not in stamps and max(stamps) > 4 else 0
    clock = Clock(start, 1, max_gap_s)
    assert [clock.time(*pair) for pair in zip(stamps, [*stamps[1:], None], strict=True)] == times


def container(file: Path, codec: str, name: str, start_s: float = 0.0, **options: str) -> Path:
    """Write 50 frames in any container, with time stamps from ``start_s`` on."""
    with av.open(str(file), "w", format=name, options=options) as clip:
        stream = clip.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 2_000_000
        for number in range(50):
            frame = av.VideoFrame.from_ndarray(face_picture(number), format="rgb24")
            frame.pts, frame.time_base = number + round(start_s * 25), Fraction(1, 25)
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode(None))
    return file


@pytest.mark.parametrize(
    ("name", "codec", "container_name"),
    [
        ("00001.MTS", "libx264", "mpegts"),
        ("a.ts", "libx264", "mpegts"),
        ("ts.mp4", "libx264", "mpegts"),
        ("no_suffix", "libx264", "mpegts"),
        ("a.flv", "flv", "flv"),
        ("a.wmv", "wmv2", "asf"),
        ("a.3gp", "mpeg4", "3gp"),
        ("a.mpg", "mpeg2video", "mpeg"),
        ("a.vob", "mpeg2video", "vob"),
        ("a.mxf", "mpeg2video", "mxf"),
    ],
)
def test_every_container_is_read_by_its_content(
    tmp_path: Path, name: str, codec: str, container_name: str
) -> None:
    file = container(tmp_path / name, codec, container_name)
    decoder = VideoDecoder(file)
    decoded = list(decoder.decode())
    assert is_video(file)
    assert [frame.number for frame in decoded] == list(range(1, 51))
    np.testing.assert_allclose(np.diff([frame.time_s for frame in decoded]), STEP, atol=0.002)
    assert decoded[0].time_s < 0.1
    assert difference(decoded[20].yuv, face_picture(20)) < 8
    assert decoder.missing_s == 0


def test_videos_of_a_folder_are_listed_and_other_files_are_not(tmp_path: Path) -> None:
    container(tmp_path / "00001.MTS", "libx264", "mpegts")
    container(tmp_path / "old.flv", "flv", "flv")
    (tmp_path / "code.ts").write_text("export const answer = 42;\n" * 20)
    make_sound(tmp_path / "talk.m4a")
    with av.open(str(tmp_path / "talk.ogg"), "w") as sound:
        sound.mux(sound.add_stream("libopus", rate=48_000).encode(None))
    animate(tmp_path / "moving.gif")
    animate(tmp_path / "moving.webp")
    Image.fromarray(face_picture(0)).save(tmp_path / "still.gif")
    Image.fromarray(face_picture(0)).save(tmp_path / "still.webp")
    kinds = {source.path.name: source.is_video for source in listing([str(tmp_path)]).sources}
    assert kinds == {
        "00001.MTS": True, "old.flv": True, "moving.gif": True, "moving.webp": True,
        "still.gif": False, "still.webp": False,
    }  # fmt: skip


def animate(file: Path) -> None:
    """Write an animation whose frames are shown for 0.1, 0.2, 0.3 and, by default, 0.1 s."""
    images = [Image.fromarray(face_picture(8 * number)) for number in range(4)]
    images[0].save(
        file, save_all=True, append_images=images[1:], duration=[100, 200, 300, 0], quality=95
    )


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "named.mp4"])
def test_animations_are_videos(tmp_path: Path, pool: RecognizerPool, name: str) -> None:
    animate(tmp_path / "a.gif" if name == "named.mp4" else tmp_path / name)
    if name == "named.mp4":
        (tmp_path / "a.gif").rename(tmp_path / name)
    decoded = list(frames(tmp_path / name))
    assert [frame.time_s for frame in decoded] == [0, 0.1, 0.3, 0.6]
    assert probe(tmp_path / name).seconds == pytest.approx(0.7)
    assert difference(decoded[2].yuv, face_picture(16)) < 12
    later = list(frames(tmp_path / name, 0.1, 2))
    assert [(frame.number, frame.time_s) for frame in later] == [(3, 0.3), (4, 0.6)]
    options = bulk.Options(annotated=tmp_path / "copies")
    bulk.classify([str(tmp_path / name)], pool, [tmp_path / "faces.csv"], options)
    table = pd.read_csv(tmp_path / "faces.csv")
    assert table.frame.tolist() == [1, 2, 3, 4]
    assert table.emotion.notna().all()
    assert len(list(frames(next((tmp_path / "copies").iterdir())))) == 4


def joined(folder: Path, name: str) -> Path:
    """Two recordings of 50 frames one behind the other, as browsers and cameras leave them."""
    if name == "webm":
        one = container(folder / "one.webm", "libvpx", "webm", live="1")
    else:
        one = container(folder / "one.ts", "libx264", "mpegts")
    twice = folder / f"twice.{name}"
    twice.write_bytes(one.read_bytes() * 2)
    return twice


@pytest.mark.parametrize("name", ["webm", "ts"])
def test_joined_recordings_are_read_to_the_end(
    tmp_path: Path, pool: RecognizerPool, name: str
) -> None:
    file = joined(tmp_path, name)
    times = np.array([frame.time_s for frame in frames(file)])
    assert len(times) == 100
    np.testing.assert_allclose(np.diff(times), STEP, atol=0.002)
    options = bulk.Options(sampling=Sampling(per_second=5))
    bulk.classify([str(file)], pool, [tmp_path / "faces.csv"], options)
    table = pd.read_csv(tmp_path / "faces.csv")
    assert table.error.isna().all()
    assert len(table) in (20, 21)
    assert table.frame.max() > 90
    rest = list(frames(file, times[69], 70))
    assert [frame.time_s for frame in rest] == times[70:].tolist()


@pytest.mark.parametrize("starts", [(0.0, 300.0), (300.0, 0.0)])
def test_a_broadcast_whose_clock_was_reset_has_its_real_length(
    tmp_path: Path, starts: tuple[float, float]
) -> None:
    parts = [container(tmp_path / f"{s}.ts", "libx264", "mpegts", s) for s in starts]
    file = tmp_path / "joined.ts"
    file.write_bytes(b"".join(part.read_bytes() for part in parts))
    decoder = VideoDecoder(file)
    times = [frame.time_s for frame in decoder.decode()]
    assert decoder.info.seconds == pytest.approx(4, abs=0.2)
    np.testing.assert_allclose(np.diff(times), STEP, atol=0.002)
    assert len(times) == 100
    assert decoder.missing_s == 0


@pytest.mark.parametrize(
    ("name", "codec", "container_name"),
    [("a.mkv", "libx264", "matroska"), ("a.webm", "libvpx", "webm"), ("a.mp4", "libx264", "mp4"),
     ("a.ts", "libx264", "mpegts"), ("a.flv", "flv", "flv")],
)  # fmt: skip
@pytest.mark.parametrize("start_s", [3.0, 300.0])
def test_a_late_start_is_no_damage(
    tmp_path: Path, name: str, codec: str, container_name: str, start_s: float
) -> None:
    decoder = VideoDecoder(container(tmp_path / name, codec, container_name, start_s))
    decoded = list(decoder.decode())
    assert len(decoded) == 50
    assert decoded[-1].time_s - decoded[0].time_s == pytest.approx(49 * STEP, abs=0.01)
    assert decoder.missing_s == 0


def test_a_late_start_that_is_cut_off_is_still_damage(tmp_path: Path) -> None:
    file = container(tmp_path / "a.mkv", "libx264", "matroska", 3.0)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])
    decoder = VideoDecoder(file)
    count = len(list(decoder.decode()))
    assert 0 < count < 50
    assert decoder.missing_s == pytest.approx((50 - count) * STEP, abs=0.1)


def test_sound_that_is_longer_is_no_damage_where_only_the_file_has_a_length(tmp_path: Path) -> None:
    file = make_clip(tmp_path / "a.mkv", 10, sound="aac", sound_s=5)
    file.write_bytes(file.read_bytes().replace(b"DURATION", b"OTHERTAG"))
    decoder = VideoDecoder(file)
    assert decoder.info.seconds > 4.9
    assert len(list(decoder.decode())) == 10
    assert decoder.missing_s == 0


def two_streams(file: Path, default: int | None) -> Path:
    """A small grey stream before a large one with a face."""
    with av.open(str(file), "w") as clip:
        streams = []
        for index, (width, height) in enumerate(((64, 48), (WIDTH, HEIGHT))):
            stream = clip.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            if index == default:
                stream.disposition = av.stream.Disposition.default
            streams.append(stream)
        for number in range(5):
            for stream in streams:
                image = wall(number, 64, 48) if stream.width == 64 else face_picture(number)
                clip.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        for stream in streams:
            clip.mux(stream.encode(None))
    return file


@pytest.mark.parametrize(("default", "width"), [(None, WIDTH), (0, 64), (1, WIDTH)])
def test_of_two_streams_the_default_one_is_read_else_the_largest(
    tmp_path: Path, default: int | None, width: int
) -> None:
    assert probe(two_streams(tmp_path / "two.mkv", default)).width == width


@pytest.mark.parametrize("is_marked", [True, False])
def test_cover_art_is_no_video(tmp_path: Path, is_marked: bool) -> None:
    with av.open(str(tmp_path / "cover.mkv"), "w") as clip:
        cover, stream = clip.add_stream("mjpeg", rate=25), clip.add_stream("libx264", rate=25)
        cover.width, cover.height, cover.pix_fmt = 640, 480, "yuvj420p"
        kind = av.stream.Disposition
        cover.disposition = kind.attached_pic if is_marked else kind.default
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        clip.mux(cover.encode(av.VideoFrame.from_ndarray(wall(0, 640, 480), format="rgb24")))
        for number in range(50):
            image = av.VideoFrame.from_ndarray(face_picture(number), format="rgb24")
            clip.mux(stream.encode(image))
        clip.mux(stream.encode(None))
        clip.mux(cover.encode(None))
    assert (probe(tmp_path / "cover.mkv").width, len(list(frames(tmp_path / "cover.mkv")))) == (
        WIDTH, 50,
    )  # fmt: skip


def colors() -> np.ndarray:
    """Patches of grey and of strong colours: uint8 (128, 256, 3)."""
    palette = [(0, 0, 0), (10, 10, 10), (128, 128, 128), (246, 246, 246), (255, 255, 255),
               (200, 30, 30), (30, 160, 60), (40, 60, 200)]  # fmt: skip
    return np.repeat(np.repeat(np.array([palette], np.uint8), 128, 0), 32, 1)


@pytest.mark.parametrize("matrix", [None, Colorspace.ITU601, Colorspace.ITU709])
@pytest.mark.parametrize("color_range", [None, ColorRange.MPEG, ColorRange.JPEG])
def test_colours_are_as_the_stream_states_them(tmp_path: Path, matrix, color_range) -> None:
    file = tmp_path / "a.mp4"
    with av.open(str(file), "w") as clip:
        stream = clip.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 256, 128, "yuv420p"
        if matrix:
            stream.codec_context.colorspace = matrix
        if color_range:
            stream.codec_context.color_range = color_range
        frame = av.VideoFrame.from_ndarray(colors(), format="rgb24").reformat(
            format="yuv420p", dst_colorspace=matrix or Colorspace.ITU601,
            dst_color_range=color_range or ColorRange.MPEG,
        )  # fmt: skip
        clip.mux(stream.encode(frame))
        clip.mux(stream.encode(None))
    (decoded,) = frames(file)
    assert difference(decoded.yuv, colors()) < 3
    with PieceWriter(tmp_path / "piece.nut", 25) as piece:  # and so is the annotated copy
        piece.write(decoded.yuv, 0)
    join([tmp_path / "piece.nut"], file, tmp_path / "copy.mp4")
    with av.open(str(tmp_path / "copy.mp4")) as clip:
        frame = next(clip.decode(video=0))
    assert (frame.color_range, frame.colorspace) == (ColorRange.MPEG, 6)
    assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - colors()).mean() < 4


@pytest.mark.parametrize(
    ("codec", "pixel_format"), [("mjpeg", "yuvj420p"), ("ffv1", "bgr0"), ("ffv1", "yuv444p")]
)
def test_full_range_and_rgb_keep_their_contrast(
    tmp_path: Path, codec: str, pixel_format: str
) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as clip:
        stream = clip.add_stream(codec, rate=25, options={"qscale": "1"})
        stream.width, stream.height, stream.pix_fmt = 256, 128, pixel_format
        frame = av.VideoFrame.from_ndarray(colors(), format="rgb24")
        for _ in range(3):
            clip.mux(stream.encode(frame.reformat(format=pixel_format)))
        clip.mux(stream.encode(None))
    assert difference(next(frames(tmp_path / "a.mkv")).yuv, colors()) < 4


def test_frames_of_another_shape_are_fitted_and_not_squeezed(tmp_path: Path) -> None:
    """As a browser records a phone that is turned."""
    file = tmp_path / "turned.avi"
    with av.open(str(file), "w") as clip:
        stream = clip.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuvj420p"
        for number, (width, height) in enumerate([(320, 240), (240, 320), (160, 120)]):
            image = np.zeros((height, width, 3), np.uint8)
            cv2.circle(image, (width // 2, height // 2), height // 4, (255, 255, 255), -1)
            packet = av.Packet(cv2.imencode(".jpg", image)[1].tobytes())
            packet.stream, packet.pts, packet.dts = stream, number, number
            packet.time_base = Fraction(1, 10)
            clip.mux(packet)
    for frame in frames(file):
        rows, columns = np.where(to_rgb(frame.yuv).mean(axis=2) > 128)
        assert frame.yuv.shape == (360, 320)
        assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=4)
        assert rows.mean() == pytest.approx(120, abs=3)
        assert columns.mean() == pytest.approx(160, abs=3)
