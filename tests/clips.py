"""Small videos for tests: the astronaut drifting through the picture, with or without a tone."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import skimage.data

WIDTH, HEIGHT, RATE = 320, 240, 25
TICKS = 90_000


def face_picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Uint8 (height, width, 3) with one face, a little elsewhere in each picture."""
    shift = 10 + number % 40
    part = _photo()[shift : shift + 240, 80 : 80 + 320]
    rows = np.arange(height) * 240 // height
    columns = np.arange(width) * 320 // width
    return np.ascontiguousarray(part[rows][:, columns])


@lru_cache
def _photo() -> np.ndarray:
    return skimage.data.astronaut()


def wall(_: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    return np.full((height, width, 3), 150, np.uint8)


def make_clip(
    file: Path,
    frames: int = 50,
    times: Sequence[float] | None = None,
    picture: Callable[[int], np.ndarray] = face_picture,
    codec: str = "libx264",
    sound: str = "",
    rotation: int = 0,
    sound_s: float = 0.0,
) -> Path:
    """Write a clip whose pictures are shown at ``times`` (seconds), by default 25 a second."""
    times = times or [number / RATE for number in range(frames)]
    with av.open(str(file), "w") as clip:
        stream = clip.add_stream(codec, rate=RATE)
        first = picture(0)
        stream.width, stream.height, stream.pix_fmt = first.shape[1], first.shape[0], "yuv420p"
        if codec != "mpeg4":
            stream.codec_context.time_base = Fraction(1, TICKS)
        if rotation:
            stream.set_display_rotation(rotation)
        track = clip.add_stream(sound, rate=48_000) if sound else None
        for number, time_s in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            if codec != "mpeg4":
                frame.pts, frame.time_base = round(time_s * TICKS), Fraction(1, TICKS)
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode(None))
        if track:
            for packet in _tone(track, sound_s or times[-1]):
                clip.mux(packet)
    return file


def _tone(track, seconds: float):
    resampler = av.AudioResampler(track.codec_context.format, "stereo", 48_000)
    for start in range(0, int(seconds * 48_000), 960):
        wave = np.sin(np.arange(start, start + 960) * 2 * np.pi * 440 / 48_000)
        samples = np.stack([wave, wave]).astype(np.float32) * 0.2
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        for part in resampler.resample(frame):
            yield from track.encode(part)
    yield from track.encode(None)


def make_sound(file: Path, seconds: float = 1.0) -> Path:
    """A file without video."""
    with av.open(str(file), "w") as clip:
        for packet in _tone(clip.add_stream("aac", rate=48_000), seconds):
            clip.mux(packet)
    return file


def decoded(file: Path) -> np.ndarray:
    """The pictures of a clip, grey: uint8 (N, H, W)."""
    with av.open(str(file)) as clip:
        return np.stack([frame.to_ndarray(format="gray") for frame in clip.decode(video=0)])
