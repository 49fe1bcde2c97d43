"""The results of one viewer's live view: the newest, the last minute, a recording, statistics."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fer_core.live.history import History
from fer_core.live.metrics import LiveStats
from fer_core.live.recorder import LIMIT_S, Recorder
from fer_core.recognition.tracking import TrackedFace
from fer_core.types import Pixels

SILENT_S: Final = 10.0
"""After this long without a frame a view is inactive: its thread ends, and it does not count
for the session limit. The next frame activates it again."""


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """The result of one frame.

    Attributes:
        frame: The frame's number, from 1 on.
        time_s: Time of its arrival on the view's clock.
        size: Its width and height in pixels.
        faces: Everyone in it; empty where nobody is.
        failed: Recognition raised an error; ``faces`` is empty for that reason.
    """

    frame: int
    time_s: float
    size: tuple[int, int]
    faces: tuple[TrackedFace, ...]
    failed: bool = False


class LiveView:
    """Base of every live view, wherever its frames are recognized.

    Args:
        clock: Seconds that never run backwards.

    Attributes:
        history: The emotions of the view so far.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.history = History()
        self._clock = clock
        self._latest: Result | None = None
        self._recorder: Recorder | None = None
        self._last_s = clock()
        self._ended = False

    def end(self) -> None:
        """Take no more results and end the recording. Returns at once."""
        self._ended = True
        self._latest = None
        if self._recorder:
            self._recorder.finish()

    @property
    def active(self) -> bool:
        """True while frames arrive, and for ``SILENT_S`` after the last one or the start."""
        return not self._ended and self.silent_s < SILENT_S

    @property
    def silent_s(self) -> float:
        """Seconds since the last frame, or since the start where none came yet."""
        return self._clock() - self._last_s

    @property
    def now_s(self) -> float:
        """The view's clock."""
        return self._clock()

    @property
    def latest(self) -> Result | None:
        """The newest result; None before the first and after the end."""
        return self._latest

    def stats(self) -> LiveStats:
        """Return frame rates, times and counts."""
        raise NotImplementedError

    def record(self, limit_s: float = LIMIT_S) -> Recorder:
        """Start a recording; the caller stops and deletes it."""
        self._recorder = Recorder(limit_s)
        return self._recorder

    def crop(self, person: int) -> Pixels | None:
        """Return the newest crop of a person, as the network saw it.

        Returns:
            uint8 (S, S, 3); None if the person is not in the newest frame.
        """
        result = self._latest
        faces = result.faces if result else ()
        return next((face.crop for face in faces if face.person == person), None)

    def _note(self, result: Result, detector: str) -> None:
        """Add a result to the history and the recording."""
        self.history.add(result.faces, result.time_s)
        if self._recorder:
            self._recorder.add_result(
                result.faces, result.frame, result.time_s, detector, result.size
            )
