"""What a video file says of itself, and what it does not say but its packets tell."""

import re
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.video.stream import VideoStream

WORK_EDGE: Final = 1920
"""Larger pictures are scaled down to this longer side while they are decoded: faces are searched
at 640 and read at 96 pixels, and an 8K picture takes 100 MB as RGB."""

OPENING: Final = {"format_whitelist": "mov,matroska,webm,avi", "protocol_whitelist": "file"}
"""A file is opened by what it holds, not by its name, and the library knows formats that are mere
lists of other files and addresses: only those of ``source.SUFFIXES`` are let through."""

DEFAULT_RATE: Final = 25.0
"""Pictures a second where nothing tells."""

TAG: Final = re.compile(r"(\d+):(\d+):(\d+\.?\d*)")
"""How Matroska notes the length of a single track; the file's own is that of the longest."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a file says of its video.

    Attributes:
        name: The file's name.
        width: Of the picture as shown: upright and with square pixels.
        height: The same.
        seconds: Length; 0 where it cannot be found out.
        rate: Pictures a second, on average; 25 where it cannot be found out.
        codec: Name of the codec.
        has_sound: There is a sound track.
    """

    name: str
    width: int
    height: int
    seconds: float
    rate: float
    codec: str
    has_sound: bool

    @property
    def work_size(self) -> tuple[int, int]:
        """Even width and height of the pictures that ``shots`` gives."""
        factor = min(WORK_EDGE / max(self.width, self.height), 1.0)
        return _even(self.width * factor), _even(self.height * factor)


def describe(
    container: InputContainer, stream: VideoStream, first: av.VideoFrame, file: Path
) -> VideoInfo:
    """What ``file`` says of ``stream``, whose first picture is ``first``."""
    shape = float(stream.sample_aspect_ratio or 1) or 1.0
    width, height = round(first.width * shape), first.height
    if quarter_turns(first) % 2:
        width, height = height, width
    seconds, rate = _seconds(container, stream), _rate(stream)
    if not (seconds and rate):
        status = file.stat()
        counted = _count(file, stream.index, status.st_size, status.st_mtime_ns)
        seconds, rate = seconds or counted[0], rate or counted[1]
    return VideoInfo(
        name=file.name,
        width=width,
        height=height,
        seconds=seconds,
        rate=rate,
        codec=stream.codec_context.name,
        has_sound=bool(container.streams.audio),
    )


def start_of(container: InputContainer) -> float:
    """Time of the start of the file in seconds; its times count from there."""
    return container.start_time / 1e6 if container.start_time else 0.0


def quarter_turns(frame: av.VideoFrame) -> int:
    """How often the picture must be turned left by 90 degrees."""
    return round(frame.rotation / 90) % 4


def _seconds(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    tag = TAG.fullmatch(stream.metadata.get("DURATION", ""))
    if tag:
        hours, minutes, seconds = map(float, tag.groups())
        return hours * 3600 + minutes * 60 + seconds
    return container.duration / 1e6 if container.duration else 0.0


def _rate(stream: VideoStream) -> float:
    """The average rate; 0 where the file has none: its other rates are guesses."""
    rate = stream.average_rate
    return float(rate) if rate and Fraction(1, 60) <= rate <= 1000 else 0.0


@lru_cache(maxsize=32)
def _count(file: Path, index: int, _size: int, _changed: int) -> tuple[float, float]:
    """Length in seconds and pictures a second, counted without decoding.

    What a browser records has neither in its header: that is written before the recording ends.
    """
    times: list[float] = []
    with av.open(str(file), metadata_errors="ignore", options=OPENING) as container:
        packets = container.demux(container.streams[index])
        with suppress(av.FFmpegError):  # cut off: what came before counts
            times.extend(float(p.pts * p.time_base) for p in packets if p.pts is not None)
        start = start_of(container)
    if len(times) < 2 or max(times) <= min(times):
        return 0.0, DEFAULT_RATE
    step = (max(times) - min(times)) / (len(times) - 1)
    return max(times) - start + step, min(max(1 / step, 1 / 60), 1000.0)


def _even(value: float) -> int:
    return max(round(value / 2) * 2, 2)
