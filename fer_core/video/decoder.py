"""Read a video file picture by picture: upright, at its real times, in bounded memory."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from fer_core.errors import VideoError
from fer_core.images.codec import MAX_PIXELS
from fer_core.images.yuv import planes
from fer_core.types import Pixels
from fer_core.video.metadata import OPENING, VideoInfo, describe, quarter_turns, start_of

SUFFIXES: Final = (".mp4", ".m4v", ".mov", ".webm", ".avi", ".mkv")

LARGE_PIXELS: Final = 2560 * 1440
"""Above this a picture is decoded by one thread: each one more keeps pictures of its own."""

JUMP_S: Final = 10.0
"""Whoever goes on later than this into a file jumps there; before, the start is decoded again."""


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One picture.

    Attributes:
        frame: Its number in the video, from 1 on.
        time_s: When it is shown, in seconds from the start of the video.
        end_s: Until when, in the same seconds; ``time_s`` where the file does not say.
        yuv: uint8 (3 * H // 2, W), see ``canvas``; upright, of ``VideoInfo.work_size``.
    """

    frame: int
    time_s: float
    end_s: float
    yuv: Pixels


def probe(file: Path) -> VideoInfo:
    """What ``file`` says of itself.

    Raises:
        VideoError: It is no video, has no pictures, or they are too large.
    """
    with _opened(file) as (container, stream):
        first = _first(container, stream, file)
        return describe(container, stream, first, file)


def shots(file: Path, after_s: float = -math.inf, done: int = 0) -> Iterator[Shot]:
    """The pictures of ``file``, one by one.

    Pictures that cannot be decoded are left out; whoever counts notices by the times.

    Args:
        file: The video.
        after_s: Only pictures later than this are given.
        done: Number of the picture at ``after_s``; counting goes on from there.

    Raises:
        VideoError: As ``probe``.
    """
    info = probe(file)
    with _opened(file) as (container, stream):
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = 1 if info.width * info.height > LARGE_PIXELS else 2
        clock = _Clock(start_of(container), 1 / info.rate)
        number = done
        for frame in _from(container, stream, after_s):
            time_s = clock.time(frame)
            if time_s > after_s:
                number += 1
                end_s = time_s + float((frame.duration or 0) * (frame.time_base or 0))
                yield Shot(number, time_s, end_s, _upright(frame, info.work_size))


class _Clock:
    """Times of pictures: the file's own where it has them, and never standing still."""

    def __init__(self, start_s: float, step_s: float) -> None:
        self._start_s, self._step_s = start_s, step_s
        self._last = -math.inf

    def time(self, frame: av.VideoFrame) -> float:
        if frame.pts is None:
            found = max(self._last, -self._step_s) + self._step_s
        else:
            found = frame.time - self._start_s
        if found <= self._last:
            found = self._last + min(self._step_s, 0.001)
        self._last = round(found, 6)
        return self._last


@contextmanager
def _opened(file: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its video stream; every error of the library becomes a ``VideoError``."""
    try:
        with av.open(str(file), metadata_errors="ignore", options=OPENING) as container:
            found = [s for s in container.streams.video if not _is_cover(s)]
            if not found:
                raise VideoError(f"{file.name}: there is no video in it, only sound or nothing.")
            stream = found[0]
            if not _can_decode(stream):
                raise VideoError(
                    f"{file.name}: its video has a format this app cannot decode. "
                    "Convert it to H.264 MP4."
                )
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
            yield container, stream
    except (av.FFmpegError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise VideoError(
            f"{file.name}: not a video that can be opened ({said}). It may be cut off or damaged."
        ) from error
    except MemoryError as error:
        raise VideoError(f"{file.name}: not enough memory to open it.") from error


def _from(
    container: InputContainer, stream: VideoStream, after_s: float
) -> Iterator[av.VideoFrame]:
    """Pictures from ``after_s`` or earlier on; from the start where the file cannot jump."""
    if after_s > JUMP_S:
        start = start_of(container)
        container.seek(int((start + after_s - JUMP_S / 2) * 1_000_000))
        first = next(_decoded(container, stream), None)
        if first is not None and first.pts is not None and first.time - start <= after_s:
            yield first
            yield from _decoded(container, stream)
            return
        container.seek(0)
    yield from _decoded(container, stream)


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """All pictures that can be decoded; damaged ones are skipped, a cut ends it.

    Pictures may be larger than the first one: the library refuses those above ``max_pixels``.
    """
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            return  # cut off: nothing comes after this
        if packet is None:
            return
        try:
            yield from stream.decode(packet)
        except (av.error.InvalidDataError, av.error.EOFError):
            continue
        except av.error.ArgumentError as error:
            raise VideoError(
                f"{Path(container.name).name}: a picture in it is damaged, or larger than the "
                f"{MAX_PIXELS // 1_000_000} megapixels that can be opened. Make the video smaller."
            ) from error


def _first(container: InputContainer, stream: VideoStream, file: Path) -> av.VideoFrame:
    context = stream.codec_context
    if context.width * context.height > MAX_PIXELS:
        raise VideoError(
            f"{file.name}: {context.width:,}×{context.height:,} pixels are too large; at most "
            f"{MAX_PIXELS // 1_000_000} megapixels can be opened. Make the video smaller."
        )
    first = next(_decoded(container, stream), None)
    if first is None:
        raise VideoError(f"{file.name}: no picture in it can be decoded.")
    return first


def _upright(frame: av.VideoFrame, size: tuple[int, int]) -> Pixels:
    """The picture as I420 of ``size``, turned as the file says."""
    turns = quarter_turns(frame)
    width, height = size if turns % 2 == 0 else size[::-1]
    if (frame.format.name, frame.width, frame.height) != ("yuv420p", width, height):
        frame = frame.reformat(width, height, format="yuv420p", interpolation="AREA")
    yuv = np.asarray(frame.to_ndarray(), np.uint8)
    if not turns:
        return yuv
    turned = np.empty((size[1] * 3 // 2, size[0]), np.uint8)
    for old, new in zip(planes(yuv), planes(turned), strict=True):
        new[:] = np.rot90(old, turns)
    return turned


def _can_decode(stream: Any) -> bool:
    """Whether the library has a decoder for it; where not, the stream has no codec."""
    return stream.codec_context is not None


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)
