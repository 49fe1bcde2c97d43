"""A live view whose frames are recognized in the visitor's browser; only rows of results come here.

A browser may send anything, so that every value is checked before it is used.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from fer_core.images.boxes import Box
from fer_core.labels import EMOTIONS
from fer_core.live.metrics import LiveStats
from fer_core.live.view import LiveView, Result
from fer_core.recognition.face import Detection
from fer_core.recognition.tracking import TrackedFace
from fer_core.types import Pixels

DETECTOR: Final = "yunet"
MOST_ROWS: Final = 600
"""Frames of one message that are taken, the newest: ten seconds at 60 frames a second."""

MOST_FACES: Final = 50
MOST_SIDE: Final = 16_384
MOST_CROP: Final = 1024
_BEFORE_PROBABILITIES: Final = 10
"""Values of a face before its probabilities; see ``DeviceView.add``."""


class DeviceView(LiveView):
    """The results of one start of the camera in a browser.

    Args:
        reasons: Words for faces that cannot be judged, in the order of the browser's rules.
        clock: Seconds that never run backwards.

    Attributes:
        refused: Rows that were not taken: out of range, or too many at once.
        is_running: The browser's last message said that the camera runs.
    """

    refused: int = 0
    is_running: bool = True
    _offset_s: float | None = None
    _stats: LiveStats = LiveStats(0, 0, 0, 0, 0, 0, 0, 0)

    def __init__(
        self, reasons: Sequence[str] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(clock)
        self._reasons = tuple(reasons)

    def add(self, message: Mapping[str, Any]) -> None:
        """Take a message of the browser.

        Args:
            message: ``running``; ``stats``, the fields of ``LiveStats``; and ``rows``, a list for
                each frame: its number, its time in ms since the start, its width and height, and a
                list for each face: person, position of the label in ``EMOTIONS``, 1 where
                uncertain, position of the reason in ``reasons`` or -1, detection score, roll, the
                box's x1, y1, x2, y2 in pixels, and the seven probabilities.
        """
        self._last_s = self._clock()
        self.is_running = bool(message.get("running"))
        self._stats = _stats(message.get("stats"))
        rows = message.get("rows")
        rows = rows if isinstance(rows, list) else []
        self.refused += max(len(rows) - MOST_ROWS, 0)
        for row in rows[-MOST_ROWS:]:
            try:
                self._take(row, newest=rows[-1])
            except (ValueError, TypeError, IndexError, OverflowError):
                self.refused += 1

    def stats(self) -> LiveStats:
        """Return the frame rates, times and counts that the browser measured."""
        return self._stats

    def _take(self, row: Sequence[Any], newest: Sequence[Any]) -> None:
        number, milliseconds = _integer(row[0], 1, 10**9), _number(row[1], 0, 1e9)
        size = _integer(row[2], 1, MOST_SIDE), _integer(row[3], 1, MOST_SIDE)
        faces = row[4]
        if not isinstance(faces, list) or len(faces) > MOST_FACES:
            raise ValueError("a row has a list of faces")
        if self._offset_s is None:
            self._offset_s = self._clock() - _number(newest[1], 0, 1e9) / 1000
        time_s = min(self._offset_s + milliseconds / 1000, self._clock())
        if self._latest and (number <= self._latest.frame or time_s < self._latest.time_s):
            raise ValueError("rows come in order")
        self._latest = Result(
            number, time_s, size, tuple(parse_face(face, size, self._reasons) for face in faces)
        )
        self._note(self._latest, DETECTOR)


def parse_face(
    values: Sequence[Any], size: tuple[int, int], reasons: Sequence[str] = ()
) -> TrackedFace:
    """Return a face that a browser sent.

    Args:
        values: See ``DeviceView.add``.
        size: Width and height of its frame.
        reasons: Words for faces that cannot be judged.

    Raises:
        ValueError, TypeError, IndexError: A value is missing, of another type or out of range.
    """
    if len(values) != _BEFORE_PROBABILITIES + len(EMOTIONS):
        raise ValueError("a face has 17 values")
    person, label = _integer(values[0], 1, 10**6), _integer(values[1], 0, len(EMOTIONS) - 1)
    reason = _integer(values[3], -1, len(reasons) - 1)
    score, roll = _number(values[4], 0, 1), _number(values[5], -180, 180)
    corners = [_number(value, -MOST_SIDE, MOST_SIDE) for value in values[6:10]]
    probabilities = [_number(value, 0, 1) for value in values[_BEFORE_PROBABILITIES:]]
    if abs(sum(probabilities) - 1) > 0.01:
        raise ValueError("probabilities sum to 1")
    return TrackedFace(
        detection=Detection(Box(*corners).clip(*size), score, roll),
        probabilities=np.array(probabilities, np.float32),
        uncertain=_integer(values[2], 0, 1) == 1,
        reason=reasons[reason] if reason >= 0 else "",
        person=person,
        label=EMOTIONS[label],
    )


def parse_crop(size: Any, data: bytes) -> Pixels:
    """Return a face crop that a browser sent, uint8 (S, S, 3) RGB.

    Args:
        size: S, its side in pixels.
        data: Its S * S * 3 bytes.

    Raises:
        ValueError: The side is out of range, or the bytes do not fit it.
    """
    side = _integer(size, 16, MOST_CROP)
    return np.frombuffer(data, np.uint8).reshape(side, side, 3).copy()


def _stats(values: Any) -> LiveStats:
    fields = values if isinstance(values, Mapping) else {}

    def field(name: str) -> float:
        value = fields.get(name, 0)
        is_number = type(value) in (int, float) and math.isfinite(value)
        return float(min(max(value, 0), 1e9)) if is_number else 0.0

    return LiveStats(
        fps=field("fps"),
        results_per_s=field("results_per_s"),
        age_ms=field("age_ms"),
        age_p95_ms=field("age_p95_ms"),
        detect_ms=field("detect_ms"),
        classify_ms=field("classify_ms"),
        frames=int(field("frames")),
        dropped=int(field("dropped")),
    )


def _number(value: Any, least: float, most: float) -> float:
    if type(value) not in (int, float) or not least <= value <= most:
        raise ValueError(f"a number from {least} to {most} is needed")
    return float(value)


def _integer(value: Any, least: int, most: int) -> int:
    number = _number(value, least, most)
    if number != int(number):
        raise ValueError("a whole number is needed")
    return int(number)
