"""What the person in front of the window really gets, measured where it counts: at the screen."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

SPAN = 1_000_000_000  # ns: figures are of the last second
NS = 1e9


class Figures(NamedTuple):
    """What is shown, of the last second; and how many pictures were not, of all that came."""

    fps: float = 0.0
    age: float = 0.0  # s from capture to screen, the median
    bitrate: float = 0.0  # bits per second, received
    late: int = 0  # a newer one went to the screen
    damaged: int = 0


class Shown(NamedTuple):
    now: int  # ns
    age: float  # s
    received: int  # bytes, all that have come until then


class Meter:
    """Figures over the last second, or over the last two pictures of a slower stream. Times are ns on one clock."""

    def __init__(self) -> None:
        self.damaged = 0
        self._shown: deque[Shown] = deque()

    def shown(self, now: int, age: float, received: int) -> None:
        """A picture is on the screen; `received` is all that the stream has given so far, in bytes."""
        self._shown.append(Shown(now, age, received))
        while len(self._shown) > 2 and self._shown[1].now < now - SPAN:
            self._shown.popleft()

    def figures(self, now: int, late: int) -> Figures:
        """The figures as they are now: they fall when nothing comes any more."""
        fps, bitrate = self._rates(now)
        ages = sorted(shown.age for shown in self._shown) or [0.0]
        return Figures(fps, ages[len(ages) // 2], bitrate, late, self.damaged)

    def _rates(self, now: int) -> tuple[float, float]:
        if len(self._shown) < 2:
            return 0.0, 0.0
        first, last, count = self._shown[0], self._shown[-1], len(self._shown) - 1
        seconds = max(1, last.now - first.now) / NS
        if now - last.now > SPAN:
            seconds = max(seconds, count * (now - last.now) / NS)
        return count / seconds, 8 * (last.received - first.received) / seconds
