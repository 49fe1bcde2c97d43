"""Limit the number of live sessions, so that a busy server refuses new ones and stays fast."""

import threading
import weakref
from typing import Protocol

from fer_core.errors import FerError


class BusyError(FerError):
    """The limit of live sessions is reached."""


class Limited(Protocol):
    """A session that counts while it is active."""

    @property
    def active(self) -> bool:
        """False once the session has ended or receives no frames."""


class SessionLimit:
    """Counts active sessions. A session that ends or falls silent frees its place by itself.

    Args:
        limit: Most sessions at the same time.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._sessions: weakref.WeakSet[Limited] = weakref.WeakSet()

    def add(self, session: Limited) -> None:
        """Count a session.

        Raises:
            BusyError: The limit is reached.
        """
        with self._lock:
            if sum(session.active for session in self._sessions) >= self.limit:
                raise BusyError(
                    f"Every live view is in use (at most {self.limit} at once). Try again in a "
                    "moment, or take a snapshot instead."
                )
            self._sessions.add(session)
