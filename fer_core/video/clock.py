"""Time stamps of frames that always increase, also where those of the file jump."""

import math
from typing import Final

JITTER_S: Final = 0.5
"""A step back by less than this is noise: the frame follows at once on the one before."""

OUTLIER_S: Final = 1.0
"""A longer gap is checked: a single frame far ahead of both neighbours has a wrong time stamp."""

RESET_GAP_S: Final = 10.0
"""In formats whose clocks may be reset (MPEG-TS and others), a longer gap is a reset. FFmpeg's
``-dts_delta_threshold`` has the same value."""


class Clock:
    """Turns the time stamps of a file into times that start at 0 and always increase.

    Recordings that were joined start anew in the middle, broadcasts reset their clock, and single
    frames have wrong time stamps. After each such jump the times continue with the frame rate.

    Args:
        start_s: Time stamp of the start of the file in seconds.
        step_s: Mean duration of a frame in seconds.
        max_gap_s: Longer gaps are taken for a jump; infinite where the file's gaps are real.
    """

    def __init__(self, start_s: float, step_s: float, max_gap_s: float = math.inf) -> None:
        self._start_s, self._step_s, self._max_gap_s = start_s, step_s, max_gap_s
        self._offset_s = 0.0
        self._last_s = -math.inf

    def time(self, stamp_s: float | None, next_stamp_s: float | None = None) -> float:
        """Return the time of the next frame in seconds.

        Args:
            stamp_s: Its time stamp, or None where it has none.
            next_stamp_s: Time stamp of the frame after it, if known; it tells a single wrong time
                stamp from a jump.
        """
        if stamp_s is None:
            time_s = max(self._last_s, -self._step_s) + self._step_s
        else:
            time_s = self._checked(stamp_s - self._start_s, next_stamp_s)
        self._last_s = round(time_s, 6)
        return self._last_s

    def _checked(self, raw_s: float, next_stamp_s: float | None) -> float:
        time_s, expected_s = raw_s + self._offset_s, self._last_s + self._step_s
        delta = time_s - self._last_s
        if math.isinf(self._last_s) or 0 < delta <= min(OUTLIER_S, self._max_gap_s):
            return time_s
        if delta <= 0 and not self._is_restart(raw_s, delta):
            return self._last_s + min(self._step_s, 0.001)
        if next_stamp_s is not None:
            next_s = next_stamp_s - self._start_s + self._offset_s
            continues = self._last_s < next_s <= self._last_s + 2 * self._step_s + OUTLIER_S
            if continues and not self._last_s < time_s < next_s:  # only this time stamp is wrong
                return min(expected_s, (self._last_s + next_s) / 2)
        if delta <= 0 or delta > self._max_gap_s:
            self._offset_s = expected_s - raw_s
            return expected_s
        return time_s

    def _is_restart(self, raw_s: float, delta: float) -> bool:
        """Return True if a step back is a jump: a large one, or one to the start of the file."""
        return delta <= -JITTER_S or (raw_s < self._step_s <= -delta)
