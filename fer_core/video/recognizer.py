"""Recognize the faces of a video file on all cores, looking some frames ahead."""

import math
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from fer_core.errors import VideoError
from fer_core.recognition import Recognizer
from fer_core.recognition.pool import RecognizerPool, prefetch
from fer_core.recognition.tracking import MAX_ABSENCE_S, TrackedFace
from fer_core.recognition.tracking_recognizer import TrackingRecognizer
from fer_core.video.decoder import Frame, VideoDecoder
from fer_core.video.lookahead import SPAN_S, Faces, Recognition, recognize_span

DETECT_EDGE: Final = 480
"""Longer side in pixels of the copy in which faces are detected. YuNet needs 0.6 of the time that
640 takes and finds a face of 1/40 of the longer side; a live view has less time and takes 320."""

AHEAD: Final = 1
"""Decoded spans of frames that may wait for recognition."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Options for the frames of a video that are recognized.

    Attributes:
        step: Every n-th frame, from 1 on.
        per_second: At most so many frames a second instead; 0 for ``step``.
        half_life_s: Smoothing; see ``Tracker``.
        every_frame: Detect and classify in each sampled frame, instead of interpolating those that
            are less than ``SPAN_S`` from two others with the same faces; see ``lookahead``.
    """

    step: int = 1
    per_second: float = 0.0
    half_life_s: float = 0.3
    every_frame: bool = False

    def __post_init__(self) -> None:
        if self.step < 1 or self.per_second < 0 or self.half_life_s < 0:
            raise VideoError(
                "Sampling needs step >= 1, per_second >= 0 and half_life_s >= 0. "
                f"Received: {self.step}, {self.per_second}, {self.half_life_s}."
            )

    def interval_s(self, rate: float) -> float:
        """Return the seconds between two sampled frames of a video of ``rate`` frames a second."""
        return max(1 / self.per_second if self.per_second else 0.0, self.step / rate)

    def span(self, rate: float) -> int:
        """Return how many sampled frames one recognized frame stands for, at least."""
        return 1 if self.every_frame else max(int(SPAN_S / self.interval_s(rate) + 1e-6), 1)

    def takes(self, number: int, time_s: float, last_s: float | None) -> bool:
        """Return True if a frame is sampled, where the last sampled one was at ``last_s``."""
        if not self.per_second:
            return (number - 1) % self.step == 0
        return last_s is None or int(time_s * self.per_second) > int(last_s * self.per_second)


@dataclass(frozen=True, slots=True, eq=False)
class RecognizedFrame:
    """One frame of a video and its faces.

    Attributes:
        frame: The frame.
        is_sampled: It is in the results; the faces of others are those of the last sampled one.
        faces: Everyone in it, in pixels of ``frame.yuv``.
    """

    frame: Frame
    is_sampled: bool
    faces: tuple[TrackedFace, ...]


@dataclass(slots=True)
class Position:
    """A position in a video, from which another process can continue.

    Attributes:
        frame: Number of the last frame given.
        time_s: Its time.
        read_s: Time of the last sampled frame.
        tracker: State of the persons; see ``Tracker.snapshot``.
        faces: The last faces, for drawing; see ``TrackedFace.to_dict``.
        end_s: End of the display of the last frame given.
        key_frame: The last frame that was recognized; see ``Recognition.to_dict``.
    """

    frame: int = 0
    time_s: float = -math.inf
    read_s: float | None = None
    tracker: Mapping[str, Any] = field(default_factory=dict)
    faces: Sequence[Mapping[str, Any]] = ()
    end_s: float = -math.inf
    key_frame: Mapping[str, Any] | None = None


@dataclass(slots=True)
class _Span:
    """Successive frames, each with True if it is sampled; the last sampled one is recognized.

    Attributes:
        frames: The frames.
        previous: The last recognized frame of the previous span, as soon as it is there.
        last: The same of this span.
    """

    frames: list[tuple[Frame, bool]]
    previous: "Future[Recognition | None]"
    last: "Future[Recognition | None]" = field(default_factory=Future)


class VideoRecognizer:
    """Recognizes one video from a position on.

    Args:
        file: The video.
        pool: The recognizers that share the work.
        sampling: The frames to recognize.
        position: Where to continue; the start if None.
        all_frames: Give the frames that are not sampled too, for drawing.

    Attributes:
        info: Metadata of the video.

    Raises:
        VideoError: See ``VideoDecoder``.
    """

    def __init__(
        self,
        file: Path,
        pool: RecognizerPool,
        sampling: Sampling | None = None,
        position: Position | None = None,
        all_frames: bool = False,
    ) -> None:
        self._decoder = VideoDecoder(file)
        self.info = self._decoder.info
        self._pool, self._sampling = pool, sampling or Sampling()
        self._all_frames = all_frames
        self._position = position or Position()
        interval_s = self._sampling.interval_s(self.info.rate)
        self._tracking = TrackingRecognizer(max(MAX_ABSENCE_S, 2.5 * interval_s))
        self._tracking.tracker.half_life_s = self._sampling.half_life_s
        self._tracking.tracker.restore(self._position.tracker)
        self._faces = tuple(TrackedFace.from_dict(values) for values in self._position.faces)

    def position(self) -> Position:
        """Return the position after the last frame given."""
        tracker = self._tracking.tracker.snapshot()
        faces = [face.to_dict() for face in self._faces]
        return replace(self._position, tracker=tracker, faces=faces)

    @property
    def missing_s(self) -> float:
        """Seconds missing at the end of the file; see ``VideoDecoder.missing_s``."""
        return self._decoder.missing_s

    def __iter__(self) -> Generator[RecognizedFrame]:
        """Yield the frames in their order; see ``frames``."""
        return self.frames()

    def frames(self, part: int = sys.maxsize) -> Generator[RecognizedFrame]:
        """Yield the frames in their order.

        Args:
            part: Number of frames after each of which ``position`` is asked for. No span crosses
                such a place, so what comes after it is the same whether it is continued or not.

        Raises:
            VideoError: The file cannot be read any more.
        """
        with (
            closing(prefetch(self._spans(part), AHEAD)) as spans,
            closing(self._pool.map(self._recognize, spans)) as results,
        ):
            for span, key_frame, faces in results:
                for number, (frame, is_sampled) in enumerate(span.frames):
                    if number == len(span.frames) - 1 and key_frame:
                        self._position.key_frame = key_frame.to_dict()
                    yield self._track(frame, faces.pop(0) if is_sampled else None)

    def _spans(self, part: int) -> Iterator[_Span]:
        """Yield the frames to give in spans."""
        size, position = self._sampling.span(self.info.rate), self._position
        previous: Future[Recognition | None] = Future()
        previous.set_result(
            Recognition.from_dict(position.key_frame) if position.key_frame else None
        )
        frames: list[tuple[Frame, bool]] = []
        sampled = 0
        for count, (frame, is_sampled) in enumerate(self._frames(), start=1):
            frames.append((frame, is_sampled))
            sampled += is_sampled
            if sampled == size or count % part == 0:
                yield (span := _Span(frames, previous))
                previous, frames, sampled = span.last, [], 0
        if frames:
            yield _Span(frames, previous)

    def _frames(self) -> Iterator[tuple[Frame, bool]]:
        """Yield the frames to give, each with True if it is sampled."""
        last_s = self._position.read_s
        for frame in self._decoder.decode(self._position.time_s, self._position.frame):
            is_sampled = self._sampling.takes(frame.number, frame.time_s, last_s)
            last_s = frame.time_s if is_sampled else last_s
            if is_sampled or self._all_frames:
                yield frame, is_sampled

    def _track(self, frame: Frame, faces: Faces | None) -> RecognizedFrame:
        position = self._position
        position.frame, position.time_s, position.end_s = frame.number, frame.time_s, frame.end_s
        if faces is not None:
            threshold = self._pool.first.classifier.abstain_below
            self._faces = self._tracking.track(faces, frame.time_s, threshold)
            position.read_s = frame.time_s
        return RecognizedFrame(frame, faces is not None, self._faces)

    def _recognize(
        self, recognizer: Recognizer, span: _Span
    ) -> tuple[_Span, Recognition | None, list[Faces]]:
        """Recognize a span: the part of the work that is done in parallel.

        Its last frame comes first, because the next span waits for it.
        """
        sampled = [frame for frame, is_sampled in span.frames if is_sampled]

        def recognize(index: int) -> Faces:
            rgb = sampled[index].rgb()
            return recognizer.classify(rgb, recognizer.detect(rgb, DETECT_EDGE))

        try:
            if not sampled:
                key_frame = span.previous.result()
                span.last.set_result(key_frame)
                return span, key_frame, []
            key_frame = Recognition(sampled[-1].time_s, recognize(-1))
            span.last.set_result(key_frame)
        except BaseException as error:
            span.last.set_exception(error)
            raise
        times = [frame.time_s for frame in sampled]
        if self._sampling.every_frame:
            return span, key_frame, [*map(recognize, range(len(times) - 1)), key_frame.faces]
        previous = span.previous.result()
        return span, key_frame, recognize_span(recognize, times, key_frame.faces, previous)
