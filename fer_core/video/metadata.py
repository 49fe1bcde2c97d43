"""Metadata of a video file: size, length and frame rate, counted where the header has none."""

import math
import re
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideData
from av.video.stream import VideoStream

from fer_core.video.clock import JITTER_S, RESET_GAP_S, Clock
from fer_core.video.formats import OPENING

WORK_EDGE: Final = 1920
"""Larger frames are scaled down to this longer side while they are decoded: faces are detected at
640 and classified at 96 pixels, and an 8K frame takes 100 MB as RGB."""

DEFAULT_RATE: Final = 25.0
"""Frames a second where the file does not tell."""

MATROSKA: Final = "matroska,webm"
RESETS: Final = 0x0200
"""AVFMT_TS_DISCONT: the clock of files in this format may be reset in the middle."""

COUNTED_BYTES: Final = 200_000_000
"""Files of such formats up to this size are counted: it takes about 0.3 s."""

STILLS: Final = ("mjpeg", "png", "bmp", "gif", "webp", "tiff")
"""Codecs of cover art."""

TAG: Final = re.compile(r"(\d+):(\d+):(\d+\.?\d*)")
"""Matroska's tag of the end of a single track; the file's own duration is that of the longest."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """Metadata of a video.

    Attributes:
        name: The file's name.
        width: Of the frames as displayed: upright and with square pixels.
        height: The same.
        seconds: Length; 0 where it cannot be determined.
        rate: Frames a second, on average; 25 where it cannot be determined.
    """

    name: str
    width: int
    height: int
    seconds: float
    rate: float

    @property
    def work_size(self) -> tuple[int, int]:
        """Even width and height of the frames that ``decoder.frames`` gives."""
        factor = min(WORK_EDGE / max(self.width, self.height), 1.0)
        return _even(self.width * factor), _even(self.height * factor)


@dataclass(frozen=True, slots=True)
class Orientation:
    """Steps from a stored frame to an upright one: transpose first, then flip.

    Attributes:
        transpose: Swap rows and columns.
        flip_x: Flip from left to right.
        flip_y: Flip upside down.
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False


def describe(
    container: InputContainer, stream: VideoStream, first: av.VideoFrame, file: Path
) -> VideoInfo:
    """Return the metadata of a stream, given its first frame."""
    width, height = round(first.width * pixel_aspect(stream)), first.height
    if orientation(first).transpose:
        width, height = height, width
    seconds = end_of(container, stream) - start_of(container)
    rate, status = _rate(stream), file.stat()
    if _may_reset(container) and status.st_size <= COUNTED_BYTES:
        seconds = 0.0  # FFmpeg takes it from the first and the last time stamp
    if not (seconds > 0 and rate):
        counted = _count(file, stream.index, status.st_size, status.st_mtime_ns)
        seconds, rate = max(seconds, 0.0) or counted[0], rate or counted[1]
    return VideoInfo(file.name, width, height, seconds, rate)


def choose_stream(container: InputContainer) -> VideoStream | None:
    """Return the video stream that a player shows, or None.

    The default one comes first, then the largest; cover art and streams that cannot be decoded are
    passed over.
    """
    streams = [s for s in container.streams.video if not is_cover(s)]

    def rank(stream: VideoStream) -> tuple[bool, bool, bool, int]:
        context: Any = stream.codec_context  # None where there is no decoder
        is_still = context is not None and context.name in STILLS and _frames_at_most_one(stream)
        pixels = context.width * context.height if context else 0
        is_default = bool(stream.disposition & av.stream.Disposition.default)
        return context is not None, not is_still, is_default, pixels

    return max(streams, key=rank, default=None)


def is_cover(stream: VideoStream) -> bool:
    """Return True for cover art and for the preview images of a player's seek bar."""
    kinds = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    return bool(stream.disposition & kinds)


def start_of(container: InputContainer) -> float:
    """Return the time stamp of the start of the file in seconds."""
    return container.start_time / 1e6 if container.start_time else 0.0


def end_of(container: InputContainer, stream: VideoStream) -> float:
    """Return the time stamp in seconds at which the video ends by the header; 0 if not stated.

    Matroska counts from 0 also where the first frame is later, other formats from the first frame.
    """
    if stream.duration and stream.time_base:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base)
    tag = TAG.fullmatch(stream.metadata.get("DURATION", ""))
    if tag:
        hours, minutes, seconds = map(float, tag.groups())
        return hours * 3600 + minutes * 60 + seconds
    if not container.duration:
        return 0.0
    start = 0.0 if container.format.name == MATROSKA else start_of(container)
    return container.duration / 1e6 + start


def make_clock(container: InputContainer, rate: float) -> Clock:
    """Return the clock for the time stamps of a file with ``rate`` frames a second."""
    max_gap_s = RESET_GAP_S if _may_reset(container) else math.inf
    return Clock(start_of(container), 1 / rate, max_gap_s)


def pixel_aspect(stream: VideoStream) -> float:
    """Return width / height of a pixel as displayed."""
    return float(stream.sample_aspect_ratio or 1) or 1.0


def orientation(frame: av.VideoFrame) -> Orientation:
    """Return the orientation by the frame's display matrix, to the nearest quarter turn.

    The matrix maps a stored pixel (x, y) to (a x + c y, b x + d y) and stands in the side data as
    nine fixed-point numbers (a, b, u, c, d, v, x, y, w); see FFmpeg's libavutil/display.h.
    """
    data: Any = frame.side_data.get(SideData.DISPLAYMATRIX)  # type: ignore[call-overload]
    if data is None:
        return Orientation()
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].astype(float)
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(True, c < 0, b < 0)
    return Orientation(False, a < 0, d < 0)


def packet_ends(file: Path, index: int) -> tuple[float, float]:
    """Return the last time stamps of the stream ``index`` and of all streams in seconds."""
    ends: dict[int, float] = {}
    with (
        av.open(str(file), metadata_errors="ignore", options=OPENING) as container,
        suppress(av.FFmpegError),  # cut off: the packets before count
    ):
        for packet in container.demux():
            if packet.pts is not None and packet.time_base is not None:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                ends[packet.stream_index] = max(ends.get(packet.stream_index, end), end)
    return ends.get(index, 0.0), max(ends.values(), default=0.0)


def _frames_at_most_one(stream: VideoStream) -> bool:
    if stream.frames:
        return stream.frames == 1
    tag = TAG.fullmatch(stream.metadata.get("DURATION", ""))
    return tag is not None and float(tag[3]) < 0.5 and not (int(tag[1]) or int(tag[2]))


def _may_reset(container: InputContainer) -> bool:
    return bool(container.format.flags & RESETS)


def _rate(stream: VideoStream) -> float:
    """Return the average rate; 0 where the file has none: its other rates are guesses."""
    rate = stream.average_rate
    return float(rate) if rate and Fraction(1, 60) <= rate <= 1000 else 0.0


@lru_cache(maxsize=32)
def _count(file: Path, index: int, _size: int, _changed: int) -> tuple[float, float]:
    """Return length in seconds and frames a second, counted without decoding.

    Recordings of a browser have neither in their header, which is written before they end.
    """
    parts: list[list[float]] = []  # time stamps, anew after each jump: joined recordings
    last_dts = -math.inf
    with (
        av.open(str(file), metadata_errors="ignore", options=OPENING) as container,
        suppress(av.FFmpegError),  # cut off: the packets before count
    ):
        start_s = start_of(container)
        max_gap_s = RESET_GAP_S if _may_reset(container) else math.inf
        for packet in container.demux(container.streams[index]):
            if packet.pts is None or packet.time_base is None:
                continue
            dts = float((packet.pts if packet.dts is None else packet.dts) * packet.time_base)
            if not last_dts - JITTER_S <= dts <= last_dts + max_gap_s:
                parts.append([])
            parts[-1].append(float(packet.pts * packet.time_base))
            last_dts = dts
    span = sum(max(part) - min(part) for part in parts)
    steps = sum(len(part) - 1 for part in parts)
    if not span:
        return 0.0, DEFAULT_RATE
    step = span / steps
    return min(parts[0]) - start_s + span + step * len(parts), min(max(1 / step, 1 / 60), 1000.0)


def _even(value: float) -> int:
    return max(round(value / 2) * 2, 2)
