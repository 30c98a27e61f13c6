"""Time for the cameras that have no sensor to wait for."""

from __future__ import annotations

from collections.abc import Callable

from lenswire.device.camera import Grab


class Pace:
    """Frame k is due at start + k / fps. Whoever comes late gets the newest; those in between count as lost.

    clock gives CLOCK_MONOTONIC in ns, sleep takes seconds.
    """

    def __init__(self, fps: float, clock: Callable[[], int], sleep: Callable[[float], object]) -> None:
        self.number = -1  # of the frame last grabbed
        self._fps, self._clock, self._sleep = fps, clock, sleep
        self._start = clock()

    def grab(self, timeout: float) -> Grab | None:
        """Wait for the next frame, at most `timeout` seconds."""
        wait = (self._due(self.number + 1) - self._clock()) / 1e9
        self._sleep(max(0.0, min(wait, timeout)))
        if wait > timeout:
            return None
        before = self.number
        self.number = max(before + 1, self._newest())
        return Grab(self._due(self.number), self.number - before - 1)

    def _due(self, number: int) -> int:
        return self._start + round(number * 1e9 / self._fps)

    def _newest(self) -> int:
        # Half a nanosecond of grace: _due() rounds.
        return int((self._clock() - self._start + 0.5) * self._fps / 1e9)
