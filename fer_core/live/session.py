"""One live view: pictures in, annotated pictures out, reading in a thread of its own.

The video's thread only draws the latest result and returns; it never waits for the network. The
reading thread takes the newest picture from a slot of size one, so pictures never queue and a slow
machine gives late labels, not late video.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import av

from fer_core.images.yuv import from_frame, mirror, to_frame, to_rgb
from fer_core.live.frame_recognizer import FaceReader, ReadOptions
from fer_core.live.history import History
from fer_core.live.latest_value import Slot
from fer_core.live.metrics import LiveStats, Meters
from fer_core.live.recorder import LIMIT_S, Recorder
from fer_core.recognition import video_drawing
from fer_core.recognition.recognizer import Recognizer
from fer_core.recognition.tracking import TrackedFace
from fer_core.system.memory import give_back
from fer_core.types import Pixels

SILENT_S: Final = 10.0
"""Without a picture for this long a session rests: its thread ends, its seat is free. The next
picture wakes it."""

STALE_S: Final = 1.0
"""A result older than this is not drawn any more: its face has long moved on."""

LONGEST: Final = 1920
"""Longer side of the pictures worked on; a viewer may send 16,383, each of which is kept thrice."""

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """What a viewer may change while the video runs.

    Attributes:
        mirror: Show the picture as in a mirror.
        bars: Draw small bars beside the faces.
        reading: How pictures are read.
    """

    mirror: bool = True
    bars: bool = True
    recognition: ReadOptions = field(default_factory=ReadOptions)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What was read from one picture.

    Attributes:
        frame: The picture's number, from 1 on.
        time_s: When it arrived, on the session's clock.
        faces: Everyone in it; empty where nobody is.
        failed: Reading it raised an error; ``faces`` says nothing then.
    """

    frame: int
    time_s: float
    faces: tuple[TrackedFace, ...]
    failed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Shot:
    frame: int
    time_s: float
    yuv: Pixels


class LiveSession:
    """One viewer's live view. ``handle`` and ``submit`` belong to the video's thread.

    Args:
        recognizer: Shared between all sessions.
        options: See ``LiveOptions``.
        clock: Seconds that never run backwards.

    Attributes:
        history: What was seen so far.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        options: LiveOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.history = History()
        self._setup = recognizer, options or LiveOptions()
        self._clock = clock
        self._meters = Meters()
        self._reader = FaceReader(self._meters)
        self._slot: Slot[_Shot] = Slot()
        self._thread: threading.Thread | None = None
        self._latest: Result | None = None
        self._recorder: Recorder | None = None
        self._last_s = clock()
        self._ended = False

    def handle(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Take one picture of the video and give it back with the latest result drawn on it.

        Never raises for a picture it cannot work on: that one goes back as it came.
        """
        try:
            yuv = from_frame(_reduced(frame))
            drawn = to_frame(self.submit(mirror(yuv) if self.options.mirror else yuv))
        except Exception:
            _LOGGER.exception("A picture could not be drawn on; it is shown as it came")
            return frame
        drawn.pts, drawn.time_base = frame.pts, frame.time_base
        return drawn

    def submit(self, yuv: Pixels) -> Pixels:
        """Offer one I420 picture for reading and return a drawn copy of it, at once."""
        now = self._last_s = self._clock()
        self._meters.frames.append(now)
        self._meters.frame_count += 1
        self._meters.dropped += self._slot.put(_Shot(self._meters.frame_count, now, yuv))
        self._wake()
        drawn = yuv.copy()
        self._draw(drawn, now)
        if self._recorder:
            self._recorder.add_picture(drawn, now)
        return drawn

    def end(self) -> None:
        """The video is over: stop reading and recording, keep no picture. Returns at once."""
        self._ended = True
        self._slot.close()
        self._latest = None
        if self._recorder:
            self._recorder.finish()

    @property
    def ended(self) -> bool:
        """``end`` was called."""
        return self._ended

    @property
    def active(self) -> bool:
        """Pictures came in the last ``SILENT_S``, or it has just begun."""
        return not self._ended and self.silent_s < SILENT_S

    @property
    def silent_s(self) -> float:
        """Seconds since the last picture, or since the start where none came yet."""
        return self._clock() - self._last_s

    @property
    def now_s(self) -> float:
        """The session's clock."""
        return self._clock()

    @property
    def latest(self) -> Result | None:
        """The newest result; None before the first and after the end."""
        return self._latest

    @property
    def options(self) -> LiveOptions:
        """What is set now."""
        return self._setup[1]

    def configure(self, recognizer: Recognizer, options: LiveOptions) -> None:
        """Change how pictures are read and drawn, from the next one on."""
        self._setup = recognizer, options

    def stats(self) -> LiveStats:
        """How it runs."""
        return self._meters.stats()

    def record(self, limit_s: float = LIMIT_S) -> Recorder:
        """Start a recording; it is the caller's to stop and delete."""
        self._recorder = Recorder(limit_s)
        return self._recorder

    def crop(self, person: int) -> Pixels | None:
        """The newest picture's crop of a person, as the network saw it; None if not in it."""
        result = self._latest
        faces = result.faces if result else ()
        return next((face.crop for face in faces if face.person == person), None)

    def _wake(self) -> None:
        if not self._ended and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._work, name="live-reader", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        """The reading thread: ends with the session, or when no picture has come for long."""
        while (shot := self._slot.take(SILENT_S)) is not None:
            self._latest = self._read(shot)
        if self._ended:
            self._latest = None  # of the picture that was being read when it ended
        give_back()

    def _read(self, shot: _Shot) -> Result:
        recognizer, options = self._setup
        rgb = to_rgb(shot.yuv)
        try:
            faces = self._reader.read(rgb, shot.time_s, recognizer, options.recognition)
            self._note(faces, shot, recognizer.detector_name)
        except Exception:
            _LOGGER.exception("Picture %d could not be read; it has no label", shot.frame)
            return Result(shot.frame, shot.time_s, (), failed=True)
        return Result(shot.frame, shot.time_s, faces)

    def _note(self, faces: tuple[TrackedFace, ...], shot: _Shot, detector: str) -> None:
        self._meters.results.append(self._clock())
        self.history.add(faces, shot.time_s)
        if self._recorder:
            self._recorder.add_result(faces, shot.frame, shot.time_s, detector)

    def _draw(self, yuv: Pixels, now: float) -> None:
        result = self._latest
        if result is None or result.failed or now - result.time_s > STALE_S:
            return
        self._meters.ages.append(now - result.time_s)
        if result.faces:
            video_drawing.draw(yuv, result.faces, self.options.bars)
        else:
            video_drawing.say(yuv, "no face")


def _reduced(frame: av.VideoFrame) -> av.VideoFrame:
    share = LONGEST / max(frame.width, frame.height)
    if share >= 1:
        return frame
    width, height = (max(round(side * share) & ~1, 2) for side in (frame.width, frame.height))
    return frame.reformat(width, height)
