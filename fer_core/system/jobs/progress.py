"""Write and read the progress of a job, a few times a second."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fer_core.system.files import write_json

FILE: Final = "progress.json"
INTERVAL_S: Final = 0.25

OLD_NAMES: Final = {"begun": "initial"}
"""Fields in version 0.1 and their present names."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a job.

    Attributes:
        done: Finished steps, those before an interruption too.
        total: All steps; 0 as long as it is not known.
        note: Current step, for a user; may be empty.
        seconds: Time since this start of the job.
        initial: Steps that were finished before this start.
    """

    done: float = 0
    total: float = 0
    note: str = ""
    seconds: float = 0.0
    initial: float = 0

    @property
    def share(self) -> float:
        """Finished share, 0..1."""
        return min(self.done / self.total, 1.0) if self.total > 0 else 0.0

    @property
    def per_second(self) -> float:
        """Steps a second since this start; 0 in the first second."""
        return (self.done - self.initial) / self.seconds if self.seconds >= 1 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the pace so far; None while there is none."""
        if self.per_second <= 0 or self.total <= 0:
            return None
        return max(self.total - self.done, 0) / self.per_second


def duration(seconds: float) -> str:
    """Return a time for a user: ``45 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def read(folder: Path) -> Progress:
    """Return the progress last written in ``folder``; an empty one where there is none."""
    try:
        values = json.loads((folder / FILE).read_text("utf-8"))
        return Progress(**{OLD_NAMES.get(name, name): value for name, value in values.items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return Progress()


class ProgressWriter:
    """Writes ``progress.json``, at most every ``INTERVAL_S``, whole or not at all.

    A full disk does not stop the job here: the writer of the results notices it.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._start = clock()
        self._written = float("-inf")
        self._initial: float | None = None
        self._latest: Progress | None = None

    def report(self, done: float, total: float = 0, note: str = "") -> None:
        """Report progress. The first report tells the steps finished before this start."""
        now = self._clock()
        self._initial = done if self._initial is None else self._initial
        self._latest = Progress(done, total, note, round(now - self._start, 3), self._initial)
        if now - self._written >= INTERVAL_S:
            self._written = now
            self.flush()

    def flush(self) -> None:
        """Write the last report now."""
        if self._latest is None:
            return
        content = {name: getattr(self._latest, name) for name in Progress.__dataclass_fields__}
        with suppress(OSError):
            write_json(self._folder / FILE, content)
