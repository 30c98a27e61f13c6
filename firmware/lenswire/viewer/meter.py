"""What the person in front of the window really gets, measured where it counts: at the screen."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

SPAN = 1_000_000_000  # ns: figures are of the last second
NS = 1e9


class Figures(NamedTuple):
    """fps: pictures shown per second. age: s from capture to screen, the median. bitrate: bits received per second."""

    fps: float = 0.0
    age: float = 0.0
    bitrate: float = 0.0


class Shown(NamedTuple):
    now: int  # ns
    age: float  # s
    received: int  # bytes, all that have come until then


class Meter:
    """Figures over the last second, or over the last two pictures of a slower stream. Times are ns on one clock."""

    def __init__(self) -> None:
        self._shown: deque[Shown] = deque()

    def shown(self, now: int, age: float, received: int) -> None:
        """A picture is on the screen; `received` is all that the stream has given so far, in bytes."""
        self._shown.append(Shown(now, age, received))
        while len(self._shown) > 2 and self._shown[1].now < now - SPAN:
            self._shown.popleft()

    def figures(self, now: int) -> Figures:
        """The figures as they are now: they fall when nothing comes any more."""
        if len(self._shown) < 2:
            return Figures(age=self._shown[0].age if self._shown else 0.0)
        first, *rest = self._shown
        last, ages = rest[-1], sorted(shown.age for shown in rest)
        seconds = (last.now - first.now) / NS
        if now - last.now > SPAN:
            seconds = max(seconds, len(rest) * (now - last.now) / NS)
        return Figures(len(rest) / seconds, ages[len(ages) // 2], 8 * (last.received - first.received) / seconds)
