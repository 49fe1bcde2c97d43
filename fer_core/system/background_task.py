"""Run work in a thread of its own, with progress to look at and a way to stop it."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from fer_core.errors import CancelledError, FerError
from fer_core.system.memory import release_free
from fer_core.system.parallel import Progress

T = TypeVar("T")


class Task(Generic[T]):
    """A call that runs in the background. It starts at once and ends with the process.

    Attributes:
        title: Name of the work, for a user.
        done: Finished steps.
        total: All steps; 0 as long as it is not known.
    """

    def __init__(self, title: str, work: Callable[[Progress], T]) -> None:
        """Start ``work``, which gets the function by which it reports its progress."""
        self.title = title
        self.done = self.total = 0
        self._work = work
        self._outcome: T | None = None
        self._error: BaseException | None = None
        self._cancelled = threading.Event()
        self._start_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=title, daemon=True)
        self._thread.start()

    @property
    def share(self) -> float:
        """Finished share, 0..1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the pace so far; None in the first second and before the first step."""
        passed = time.monotonic() - self._start_s
        if passed < 1 or not self.share:
            return None
        return passed * (1 - self.share) / self.share

    def is_done(self, wait_s: float = 0.0) -> bool:
        """Return True where it has ended, well or not; waits for that as long as ``wait_s``."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """Stop it at its next report."""
        self._cancelled.set()

    def result(self) -> T:
        """Return the result of the work; waits for it.

        Raises:
            CancelledError: It was stopped.
            FerError: Of the work. Other errors pass through as they are.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._outcome  # type: ignore[return-value]  # None only where T allows it

    def _report(self, done: int, total: int) -> None:
        if self._cancelled.is_set():
            raise CancelledError(f"{self.title}: stopped. Nothing of it was stored.")
        self.done, self.total = done, total

    def _run(self) -> None:
        try:
            self._outcome = self._work(self._report)
        except MemoryError:
            self._error = FerError(f"{self.title}: not enough memory. Open a smaller dataset.")
        except OSError as error:  # the disk is full or gone
            self._error = FerError(f"{self.title} failed: {error.strerror or error}.")
        except BaseException as error:
            self._error = error
        release_free()  # what it took for a while
