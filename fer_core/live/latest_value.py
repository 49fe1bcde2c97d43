"""Hand the newest thing from one thread to another; what was not taken in time is dropped."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Slot(Generic[T]):
    """Holds one thing at most. ``put`` never waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._content: T | None = None
        self._closed = False

    def put(self, content: T) -> bool:
        """Leave ``content`` for the taker; True if something older was dropped for it."""
        with self._changed:
            dropped = self._content is not None
            self._content = None if self._closed else content
            self._changed.notify()
            return dropped

    def take(self, timeout_s: float) -> T | None:
        """Wait for something; None after ``timeout_s`` or once closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._content is not None or self._closed, timeout_s)
            content, self._content = self._content, None
            return content

    def close(self) -> None:
        """Drop what is held and whatever comes later, and wake the taker."""
        with self._changed:
            self._closed, self._content = True, None
            self._changed.notify_all()
