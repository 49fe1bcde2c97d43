"""Hand the newest value from one thread to another; a value not taken in time is dropped."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestValue(Generic[T]):
    """Holds at most one value. ``put`` never waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._value: T | None = None
        self._closed = False

    def put(self, value: T) -> bool:
        """Replace the value; return True if an older one was dropped for it."""
        with self._changed:
            dropped = self._value is not None
            self._value = None if self._closed else value
            self._changed.notify()
            return dropped

    def take(self, timeout_s: float) -> T | None:
        """Wait for a value and remove it; return None after ``timeout_s`` or once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._value is not None or self._closed, timeout_s)
            value, self._value = self._value, None
            return value

    def close(self) -> None:
        """Drop the value and all later ones, and wake the thread that waits in ``take``."""
        with self._changed:
            self._closed, self._value = True, None
            self._changed.notify_all()
