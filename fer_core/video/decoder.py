"""Decode a video file frame by frame: upright, at its real times, in bounded memory."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from fer_core.errors import VideoError
from fer_core.images.limits import MAX_PIXELS
from fer_core.images.yuv import fit, from_frame, planes, to_rgb
from fer_core.types import Pixels
from fer_core.video import animation
from fer_core.video.formats import OPENING, is_animation
from fer_core.video.metadata import (
    MATROSKA,
    VideoInfo,
    choose_stream,
    describe,
    end_of,
    make_clock,
    orientation,
    packet_ends,
    pixel_aspect,
    start_of,
)

LARGE_PIXELS: Final = 2560 * 1440
"""Larger frames are decoded by one thread: each further thread holds frames of its own."""

JUMP_S: Final = 10.0
"""To continue later than this into a file, it is searched; before, it is decoded from the start."""

INDEXED: Final = ("mov,mp4,m4a,3gp,3g2,mj2", "avi", MATROSKA)
"""Formats with an index, in which a time is found exactly; others are decoded from the start."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame of a video.

    Attributes:
        number: Its number in the video, from 1 on.
        time_s: Seconds from the start of the video to its display.
        end_s: End of its display in the same seconds; ``time_s`` where the file does not tell.
        yuv: uint8 (3 * H // 2, W), see ``images.yuv``; upright, of ``VideoInfo.work_size``.
    """

    number: int
    time_s: float
    end_s: float
    yuv: Pixels

    def rgb(self) -> Pixels:
        """Return the frame as uint8 (H, W, 3) RGB."""
        return to_rgb(self.yuv)


class VideoDecoder:
    """Decodes one video.

    Args:
        file: The video.

    Attributes:
        info: Its metadata.
        is_indexed: A later time is found at once; other files are decoded from the start to there.
        missing_s: After ``decode`` came to the end: seconds at the end of the video that should be
            there by the header and could not be decoded; 0 for a file that is whole.

    Raises:
        VideoError: It is no video, has no frames, or they are too large.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._is_animation, self.is_indexed = is_animation(file), False
        if self._is_animation:
            self.info = animation.describe(file)
        else:
            self.info, self.is_indexed = _describe(file)
        self.missing_s = 0.0

    def decode(self, after_s: float = -math.inf, number: int = 0) -> Iterator[Frame]:
        """Yield the frames one by one.

        Frames that cannot be decoded are left out.

        Args:
            after_s: Only frames later than this are given.
            number: Number of the frame at ``after_s``; counting continues from there.

        Raises:
            VideoError: As the class.
        """
        for frame in self._animated() if self._is_animation else self._decoded(after_s):
            if frame.time_s > after_s:
                number += 1
                yield Frame(number, frame.time_s, frame.end_s, frame.yuv)

    def _animated(self) -> Iterator[Frame]:
        time_s = 0.0
        for yuv, duration in animation.frames(self._file, self.info.work_size):
            yield Frame(0, round(time_s, 6), time_s + duration, yuv)
            time_s += duration

    def _decoded(self, after_s: float) -> Iterator[Frame]:
        with _opened(self._file) as (container, stream):
            stream.thread_type = "AUTO"
            is_large = self.info.width * self.info.height > LARGE_PIXELS
            stream.codec_context.thread_count = 1 if is_large else 2
            clock, last_s = make_clock(container, self.info.rate), -math.inf
            search_s = after_s if self.is_indexed else -math.inf
            for frame, following in _with_next(_frames_from(container, stream, search_s)):
                stamp_s = None if frame.pts is None else frame.time
                time_s = clock.time(stamp_s, following.time if following else None)
                seconds = float((frame.duration or 0) * (frame.time_base or 0))
                last_s = max(last_s, (time_s if stamp_s is None else stamp_s) + seconds)
                if time_s > after_s:
                    yuv = _upright(frame, self.info, pixel_aspect(stream))
                    yield Frame(0, time_s, time_s + seconds, yuv)
            self.missing_s = self._missing(end_of(container, stream), last_s, stream.index)

    def _missing(self, end_s: float, last_s: float, index: int) -> float:
        """Return the seconds from the last frame to the end by the header, if they are missing.

        A header may promise more than the video has: its length is that of the sound, or it was
        written before the file was cut. So the packets decide, which are counted only then.
        """
        tolerance = max(1.0, 0.05 * self.info.seconds)
        if end_s - last_s <= tolerance:
            return 0.0
        video_s, longest_s = packet_ends(self._file, index)
        is_whole = longest_s >= end_s - tolerance and last_s >= video_s - tolerance
        return 0.0 if is_whole else end_s - last_s


def probe(file: Path) -> VideoInfo:
    """Return the metadata of a video.

    Raises:
        VideoError: See ``VideoDecoder``.
    """
    return VideoDecoder(file).info


def frames(file: Path, after_s: float = -math.inf, number: int = 0) -> Iterator[Frame]:
    """Yield the frames of a video; see ``VideoDecoder.decode``."""
    return VideoDecoder(file).decode(after_s, number)


def frames_at(file: Path, times: Iterable[float]) -> Iterator[Pixels]:
    """Yield the frame at each time; the sequence ends early where the video does.

    Args:
        file: The video.
        times: Times of frames in seconds, as ``frames`` gives them, in increasing order.

    Yields:
        I420, uint8 (3 * H // 2, W), of ``VideoInfo.work_size``.
    """
    decoder = VideoDecoder(file)
    sequence: Iterator[Frame] = iter(())
    last_s = -math.inf
    frame: Frame | None = None
    for time_s in times:
        if frame is None or (decoder.is_indexed and time_s - last_s > JUMP_S):
            sequence = decoder.decode(time_s - 0.0005)
            frame = next(sequence, None)
        while frame is not None and frame.time_s < time_s - 0.0005:
            frame = next(sequence, None)
        if frame is None:
            return
        last_s = frame.time_s
        yield frame.yuv


def _describe(file: Path) -> tuple[VideoInfo, bool]:
    """Return the metadata, and True if the file has an index in which times are found exactly."""
    with _opened(file) as (container, stream):
        name = container.format.name
        is_indexed = name in INDEXED and (name != MATROSKA or bool(container.duration))
        return describe(container, stream, _first(container, stream, file), file), is_indexed


@contextmanager
def _opened(file: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the container and its video stream; errors of the library become ``VideoError``."""
    try:
        with av.open(str(file), metadata_errors="ignore", options=OPENING) as container:
            stream = choose_stream(container)
            if stream is None:
                raise VideoError(f"{file.name}: there is no video in it, only sound or nothing.")
            if not _has_decoder(stream):
                raise VideoError(
                    f"{file.name}: its video has a format this app cannot decode. "
                    "Convert it to H.264 MP4."
                )
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
            yield container, stream
    except (av.FFmpegError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        is_missing = isinstance(error, FileNotFoundError)
        advice = "Check" if is_missing else "It may be cut off, damaged, or no video at all. Check"
        raise VideoError(
            f"{file.name}: not a video that can be opened ({reason}). {advice} the file."
        ) from error
    except MemoryError as error:
        raise VideoError(f"{file.name}: not enough memory to open it.") from error


def _has_decoder(stream: Any) -> bool:
    return stream.codec_context is not None


def _frames_from(
    container: InputContainer, stream: VideoStream, after_s: float
) -> Iterator[av.VideoFrame]:
    """Yield the frames from ``after_s`` or earlier on; from the start where it cannot be found."""
    if after_s > JUMP_S:
        start = start_of(container)
        container.seek(int((start + after_s - JUMP_S / 2) * 1_000_000))
        first = next(_all_frames(container, stream), None)
        if first is not None and first.pts is not None and first.time - start <= after_s:
            yield first
            yield from _all_frames(container, stream)
            return
        container.seek(0)
    yield from _all_frames(container, stream)


def _all_frames(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Yield all frames that can be decoded; damaged ones are skipped, a cut ends the sequence.

    Frames may be larger than the first one: the library refuses those above ``max_pixels``.
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
        except av.error.ArgumentError as error:
            raise VideoError(
                f"{Path(container.name).name}: a frame in it is damaged, or larger than the "
                f"{MAX_PIXELS // 1_000_000} megapixels that can be opened. Make the video smaller."
            ) from error
        except av.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise


def _with_next(
    sequence: Iterator[av.VideoFrame],
) -> Iterator[tuple[av.VideoFrame, av.VideoFrame | None]]:
    """Yield each frame with the one after it, which is None for the last."""
    for frame, following in pairwise(chain(sequence, [None])):
        if frame is not None:
            yield frame, following


def _first(container: InputContainer, stream: VideoStream, file: Path) -> av.VideoFrame:
    context = stream.codec_context
    if context.width * context.height > MAX_PIXELS:
        raise VideoError(
            f"{file.name}: {context.width:,}×{context.height:,} pixels are too large; at most "
            f"{MAX_PIXELS // 1_000_000} megapixels can be opened. Make the video smaller."
        )
    first = next(_all_frames(container, stream), None)
    if first is None:
        raise VideoError(f"{file.name}: no frame in it can be decoded.")
    return first


def _upright(frame: av.VideoFrame, info: VideoInfo, aspect: float) -> Pixels:
    """Return a frame as I420 of ``info.work_size``: upright and with square pixels."""
    orient, size = orientation(frame), info.work_size
    shape = frame.width * aspect / frame.height
    if orient.transpose:
        shape = 1 / shape
    inner = _inner(shape, size) if abs(shape * info.height / info.width - 1) > 0.02 else size
    yuv = from_frame(frame, inner[::-1] if orient.transpose else inner)
    if orient.transpose or orient.flip_x or orient.flip_y:
        upright = np.empty((inner[1] * 3 // 2, inner[0]), np.uint8)
        for old, new in zip(planes(yuv), planes(upright), strict=True):
            plane = old.T if orient.transpose else old
            new[:] = plane[:: -1 if orient.flip_y else 1, :: -1 if orient.flip_x else 1]
        yuv = upright
    return fit(yuv, size)


def _inner(shape: float, size: tuple[int, int]) -> tuple[int, int]:
    """Return the largest even size of ``shape`` (width / height) within ``size``."""
    width, height = min(size[0], size[1] * shape), min(size[1], size[0] / shape)
    return max(round(width) & ~1, 2), max(round(height) & ~1, 2)
