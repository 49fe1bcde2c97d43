"""A live view: frames in, annotated frames out; recognition runs in a thread of its own.

The video's thread only draws the latest result and returns; it never waits for the network. The
recognition thread takes the newest frame, so frames never queue and a slow machine gives late
labels, not late video.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import av

from fer_core.images.yuv import from_frame, mirror, size_of, to_frame, to_rgb
from fer_core.live.latest_value import LatestValue
from fer_core.live.metrics import LiveMetrics, LiveStats
from fer_core.live.view import SILENT_S, LiveView, Result
from fer_core.recognition import video_drawing
from fer_core.recognition.recognizer import Recognizer
from fer_core.recognition.tracking_recognizer import RecognitionOptions, TrackingRecognizer
from fer_core.system.memory import release_free
from fer_core.types import Pixels

STALE_S: Final = 1.0
"""A result older than this is not drawn: its face has moved on."""

LONGEST: Final = 1920
"""Longer side of the frames in pixels; a browser may send 16,383, and each is held three times."""

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Options that a viewer may change while the video runs.

    Attributes:
        mirror: Show the video as in a mirror.
        bars: Draw small bars beside the faces.
        recognition: Smoothing and detection.
    """

    mirror: bool = True
    bars: bool = True
    recognition: RecognitionOptions = field(default_factory=RecognitionOptions)


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    number: int
    time_s: float
    yuv: Pixels


class LiveSession(LiveView):
    """One viewer's live view. ``handle`` and ``submit`` belong to the video's thread.

    Args:
        recognizer: Shared between all sessions.
        options: See ``LiveOptions``.
        clock: Seconds that never run backwards.

    Attributes:
        history: The emotions of the session so far.
        on_result: Called in the recognition thread with each frame, uint8 (H, W, 3) RGB, and its
            result; must not raise. None for nobody.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        options: LiveOptions | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clock)
        self.on_result: Callable[[Pixels, Result], None] | None = None
        self._setup = recognizer, options or LiveOptions()
        self._metrics = LiveMetrics()
        self._tracking = TrackingRecognizer()
        self._newest: LatestValue[_Frame] = LatestValue()
        self._thread: threading.Thread | None = None

    def handle(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Take one frame of the video and return it with the latest result drawn on it.

        Never raises for a frame it cannot draw on: that one goes back as it came.
        """
        try:
            yuv = from_frame(_reduced(frame))
            drawn = to_frame(self.submit(mirror(yuv) if self.options.mirror else yuv))
        except Exception:
            _LOGGER.exception("A frame could not be drawn on; it is shown as it came")
            return frame
        drawn.pts, drawn.time_base = frame.pts, frame.time_base
        return drawn

    def submit(self, yuv: Pixels) -> Pixels:
        """Offer one frame for recognition and return an annotated copy of it, at once.

        Args:
            yuv: uint8 (3 * H // 2, W), see ``images.yuv``.
        """
        now = self._last_s = self._clock()
        self._metrics.frames.append(now)
        self._metrics.frame_count += 1
        self._metrics.dropped += self._newest.put(_Frame(self._metrics.frame_count, now, yuv))
        self._wake()
        drawn = yuv.copy()
        self._draw(drawn, now)
        if self._recorder:
            self._recorder.add_frame(drawn, now)
        return drawn

    def end(self) -> None:
        """Stop recognition and recording and release all frames. Returns at once."""
        super().end()
        self._newest.close()

    @property
    def options(self) -> LiveOptions:
        """The current options."""
        return self._setup[1]

    def configure(self, recognizer: Recognizer, options: LiveOptions) -> None:
        """Change how frames are recognized and drawn, from the next one on."""
        self._setup = recognizer, options

    def stats(self) -> LiveStats:
        """Return frame rates, times and counts."""
        return self._metrics.stats(self._tracking.detect_seconds, self._tracking.classify_seconds)

    def _wake(self) -> None:
        if not self._ended and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._work, name="live-recognizer", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        """Recognize frame by frame, until the session ends or falls silent."""
        while (frame := self._newest.take(SILENT_S)) is not None:
            self._latest = self._recognize(frame)
        if self._ended:
            self._latest = None  # of the frame that was in work when it ended
        release_free()

    def _recognize(self, frame: _Frame) -> Result:
        recognizer, options = self._setup
        rgb, size = to_rgb(frame.yuv), size_of(frame.yuv)
        try:
            faces = self._tracking.recognize(rgb, frame.time_s, recognizer, options.recognition)
            result = Result(frame.number, frame.time_s, size, faces)
            self._note(result, recognizer.detector_name)
            if self.on_result:
                self.on_result(rgb, result)
        except Exception:
            _LOGGER.exception("Frame %d could not be recognized; it has no label", frame.number)
            return Result(frame.number, frame.time_s, size, (), failed=True)
        return result

    def _note(self, result: Result, detector: str) -> None:
        self._metrics.results.append(self._clock())
        super()._note(result, detector)

    def _draw(self, yuv: Pixels, now: float) -> None:
        result = self._latest
        if result is None or result.failed or now - result.time_s > STALE_S:
            return
        self._metrics.ages.append(now - result.time_s)
        faces, size = result.faces, size_of(yuv)
        if size != result.size:
            faces = tuple(face.recenter(result.size, size) for face in faces)
        if faces:
            video_drawing.draw(yuv, faces, self.options.bars)
        else:
            video_drawing.draw_note(yuv, "no face")


def _reduced(frame: av.VideoFrame) -> av.VideoFrame:
    share = LONGEST / max(frame.width, frame.height)
    if share >= 1:
        return frame
    width, height = (max(round(side * share) & ~1, 2) for side in (frame.width, frame.height))
    return frame.reformat(width, height)
