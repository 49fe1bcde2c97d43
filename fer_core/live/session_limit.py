"""A cap on live sessions, so that a busy server says so and stays quick for those who are in."""

import threading
import weakref
from typing import Protocol

from fer_core.errors import FerError


class BusyError(FerError):
    """Every live seat is taken."""


class Occupant(Protocol):
    """Whoever sits on a seat."""

    @property
    def active(self) -> bool:
        """False once it has ended or fallen silent: its seat is free then."""


class Seats:
    """Counts who is active. Nobody has to give a seat back: falling silent is enough.

    Args:
        limit: Seats in all.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._taken: weakref.WeakSet[Occupant] = weakref.WeakSet()

    @property
    def free(self) -> int:
        """Seats left."""
        with self._lock:
            return max(self.limit - sum(one.active for one in self._taken), 0)

    def take(self, occupant: Occupant) -> None:
        """Sit down.

        Raises:
            BusyError: All seats are taken.
        """
        with self._lock:
            if sum(one.active for one in self._taken) >= self.limit:
                raise BusyError(
                    f"Every live view is in use (at most {self.limit} at once). Try again in a "
                    "moment, or take a snapshot instead."
                )
            self._taken.add(occupant)
