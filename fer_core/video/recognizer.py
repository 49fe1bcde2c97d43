"""Recognize the faces of a video file, frame by frame, on all cores."""

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from fer_core.errors import VideoError
from fer_core.images.yuv import to_rgb
from fer_core.recognition import FaceEmotion, Recognizer
from fer_core.recognition.pool import RecognizerPool, prefetch
from fer_core.recognition.tracking import MAX_ABSENCE_S, TrackedFace
from fer_core.recognition.tracking_recognizer import TrackingRecognizer
from fer_core.video.decoder import Frame, VideoDecoder

DETECT_EDGE: Final = 480
"""Longer side in pixels of the copy in which faces are detected. YuNet needs 0.6 of the time that
640 takes and finds a face of 1/40 of the longer side; a live view has less time and takes 320."""

AHEAD: Final = 4
"""Decoded frames that may wait for recognition."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Options for the frames of a video that are recognized.

    Attributes:
        step: Every n-th frame, from 1 on.
        per_second: At most so many frames a second instead; 0 for ``step``.
        half_life_s: Smoothing; see ``Tracker``.
    """

    step: int = 1
    per_second: float = 0.0
    half_life_s: float = 0.3

    def __post_init__(self) -> None:
        if self.step < 1 or self.per_second < 0 or self.half_life_s < 0:
            raise VideoError(
                "Sampling needs step >= 1, per_second >= 0 and half_life_s >= 0. "
                f"Received: {self.step}, {self.per_second}, {self.half_life_s}."
            )

    def interval_s(self, rate: float) -> float:
        """Return the seconds between two sampled frames of a video of ``rate`` frames a second."""
        return max(1 / self.per_second if self.per_second else 0.0, self.step / rate)

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
        is_sampled: It was recognized itself; the faces of others are those of the last sampled one.
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
    """

    frame: int = 0
    time_s: float = -math.inf
    read_s: float | None = None
    tracker: Mapping[str, Any] = field(default_factory=dict)
    faces: Sequence[Mapping[str, Any]] = ()
    end_s: float = -math.inf


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
        """Yield the frames in their order.

        Raises:
            VideoError: The file cannot be read any more.
        """
        with (
            closing(prefetch(self._frames(), AHEAD)) as frames,
            closing(self._pool.map(_recognize, frames)) as results,
        ):
            for frame, faces in results:
                yield self._track(frame, faces)

    def _frames(self) -> Iterator[tuple[Frame, bool]]:
        """Yield the frames to give, each with True if it is sampled."""
        last_s = self._position.read_s
        for frame in self._decoder.decode(self._position.time_s, self._position.frame):
            is_sampled = self._sampling.takes(frame.number, frame.time_s, last_s)
            last_s = frame.time_s if is_sampled else last_s
            if is_sampled or self._all_frames:
                yield frame, is_sampled

    def _track(self, frame: Frame, faces: tuple[FaceEmotion, ...] | None) -> RecognizedFrame:
        position = self._position
        position.frame, position.time_s, position.end_s = frame.number, frame.time_s, frame.end_s
        if faces is not None:
            threshold = self._pool.first.classifier.abstain_below
            self._faces = self._tracking.track(faces, frame.time_s, threshold)
            position.read_s = frame.time_s
        return RecognizedFrame(frame, faces is not None, self._faces)


def _recognize(
    recognizer: Recognizer, sampled: tuple[Frame, bool]
) -> tuple[Frame, tuple[FaceEmotion, ...] | None]:
    """Recognize one frame by itself: the part of the work that is done in parallel."""
    frame, is_sampled = sampled
    if not is_sampled:
        return frame, None
    rgb = to_rgb(frame.yuv)
    return frame, recognizer.classify(rgb, recognizer.detect(rgb, DETECT_EDGE))
