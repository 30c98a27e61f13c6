"""One slot between two threads: the newest wins, and what was not taken in time is counted."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """A slot for the newest value. Putting never blocks; a value that nobody took is dropped and counted."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._value: T | None = None
        self._closed = False
        self.dropped = 0

    def put(self, value: T) -> None:
        """Offer a value; it takes the place of one that is still waiting."""
        with self._changed:
            self.dropped += self._value is not None
            self._value = value
            self._changed.notify()

    def take(self, timeout: float | None = 0) -> T | None:
        """Take the value out, waiting up to `timeout` seconds (None: for ever); None if there is none."""
        with self._changed:
            if self._value is None and timeout != 0:
                self._changed.wait_for(lambda: self._value is not None or self._closed, timeout)
            value, self._value = self._value, None
            return value

    def close(self) -> None:
        """Wake whoever waits, now and from now on; what is in the slot can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        return self._closed
