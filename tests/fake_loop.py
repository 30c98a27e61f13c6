"""The event loop as far as timers go, on a clock that the test moves."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable


class FakeTimer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """Nothing is called but in advance()."""

    def __init__(self) -> None:
        self.now = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, FakeTimer]] = []

    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> FakeTimer:
        return self.call_later(0.0, callback)

    def call_later(self, delay: float, callback: Callable[[], object], /) -> FakeTimer:
        timer = FakeTimer(callback)
        heapq.heappush(self._timers, (self.now + delay, next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Let so much time pass, and call what comes due in it."""
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end + 1e-9:
            self.now, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                timer.callback()
        self.now = end

    @property
    def waiting(self) -> int:
        """Timers that are still to be called."""
        return sum(not timer.cancelled for _, _, timer in self._timers)
