"""What the device's clock shows when ours shows something: estimated from pings. No I/O, no wall clock.

An exchange tells that the device's clock showed `theirs` at some moment between our sending and our receiving. The
middle of it is the best guess, and wrong by at most half the round trip, however unequal the two ways were. So the
exchange with the shortest round trip knows best; but clocks drift, and it knows less with every second that goes by.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

# How fast two CLOCK_MONOTONICs part at most: NTP slews a clock by up to 500 ppm (adjtimex(2)), as a Pi without a
# battery does for minutes after power-on; two settled crystals differ by some 50 ppm.
DRIFT_PPM = 500
# Exchanges older than this are forgotten, so that a route that became longer is noticed. At one ping a second, 10 s
# hold enough of them that one met an idle network (Wi-Fi that saves power answers in 2 to 100 ms).
WINDOW = 10_000_000_000  # ns


class Exchange(NamedTuple):
    """One ping and its pong, ns: our clock when it was over, how long it took, and device clock minus ours."""

    at: int
    round_trip: int
    offset: int

    def error(self, now: int) -> int:
        """How far the device's clock may be from `ours + offset` at `now`."""
        return self.round_trip // 2 + (now - self.at) * DRIFT_PPM // 1_000_000


class Clock:
    """The device's clock as seen from here; all times are ns."""

    def __init__(self) -> None:
        self.round_trip = 0  # the shortest of this connection; 0 while nothing is known
        self._exchanges: deque[Exchange] = deque()

    def learn(self, sent: int, theirs: int, received: int) -> None:
        """A pong came: our time at the ping, the device's when it answered, ours when the answer was here."""
        if received < sent:
            return  # an echo of a time that we have not reached: not an answer to anything of ours
        exchange = Exchange(received, received - sent, theirs - (sent + received) // 2)
        self._exchanges.append(exchange)
        self.round_trip = min(self.round_trip or exchange.round_trip, exchange.round_trip)
        while received - self._exchanges[0].at > WINDOW:
            self._exchanges.popleft()

    @property
    def known(self) -> bool:
        return bool(self._exchanges)

    def ours(self, theirs: int, now: int) -> tuple[int, int]:
        """The device's time on our clock, and by how much that may be wrong. Needs `known`."""
        best = min(self._exchanges, key=lambda exchange: exchange.error(now))
        return theirs - best.offset, best.error(now)
