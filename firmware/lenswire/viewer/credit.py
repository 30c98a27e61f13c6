"""How many frames to let be on their way. No I/O.

Age is the whole aim: a frame that waits behind another one on the link grows old there, and nobody can take it back.
With one frame in flight none ever waits, but the link lies idle for a round trip after each. So this measures the link
as the frames go by, and allows just as many as keep it busy:

transfer    how long a frame occupies the link. It cannot begin to arrive before the one in front of it is through, nor
            half a round trip after it was encoded, nor a round trip after we sent the credit that allowed it; from the
            latest of these to its last byte is its transfer. Unequal ways there and back do no harm: the clock's guess
            is wrong by just the difference.
period      between frames that were due: capture times over sequence numbers, whatever we got of them.

The link keeps up (transfer <= period): a frame's credit is back at the device after transfer + round trip; as many
frames as fall due in that time, and one more, so that a late credit costs none.
It does not: one being transferred, and as many as fit into the round trip. On a short way that is 1, and a picture is
as old as its own transfer, not as two.

The transfer is the newest frame's, not smoothed: a late frame costs a moment of rate, no more. Simulated, a moving
average takes random delays of 50 ms (Wi-Fi that saves power) for a slow link, 17 fps instead of 20; the least of three
lets arrivals in bursts every 300 ms fill the window, and pictures are 470 ms old on average instead of 330.

The round trip is the shortest of the connection, not of late: if queues of our own making could lengthen it, a greater
window would justify itself. A way that becomes longer costs some rate, never age.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median

from lenswire.messages import MAX_WINDOW, Frame

# Before anything was measured. 2 is the full rate on any local network; if the link turns out slow, the second frame is
# no older than two transfers.
FIRST_WINDOW = 2
# With room on the link, a credit message goes out for every second to fourth frame only: to send and to read it costs
# both ends. The price is so many frames more in flight.
SPARE = 3
# One is allowed for each time that a frame and its credit would go into this part of a period. They wait for each other
# only if the link breaks down at that moment, and the more there are, the farther it has to break down for that: to a
# tenth of its rate, and the last of them is half a second old.
ROOM = 0.5
# The period is the median of so many: neither a pause of the device nor two frames at once move it.
PERIODS = 5


class CreditPolicy:
    """Decides, after each frame, what to grant. All times are ns on our monotonic clock."""

    def __init__(self, now: int) -> None:
        """`FIRST_WINDOW` is granted at `now`."""
        self.window = FIRST_WINDOW
        self._arrived = 0
        self._granted = deque([(FIRST_WINDOW, now)])  # frames allowed in all, and since when
        self._last: tuple[int, int, int, int] | None = None  # rendition, sequence, captured; when it was here
        self._periods: deque[float] = deque(maxlen=PERIODS)

    def arrived(self, frame: Frame, ready: int, received: int, round_trip: int) -> int | None:
        """A frame is here, encoded at `ready` and received at `received`. The window to grant now; None: no need to."""
        self._arrived += 1
        transfer = self._transfer(ready, received, round_trip)
        self._measure_period(frame)
        self._last = frame.rendition, frame.sequence, frame.captured, received
        need = self._need(transfer, round_trip)
        if self._granted[-1][0] - self._arrived >= need:
            return None
        self._granted.append((self._arrived + self.window, received))
        return self.window

    def _transfer(self, ready: int, received: int, round_trip: int) -> int:
        while len(self._granted) > 1 and self._granted[0][0] < self._arrived:
            self._granted.popleft()
        through = self._last[3] if self._last else 0
        begins = max(through, ready + round_trip // 2, self._granted[0][1] + round_trip)
        return max(0, received - begins)

    def _measure_period(self, frame: Frame) -> None:
        rendition, sequence, captured, _ = self._last or (None, 0, 0, 0)
        if rendition != frame.rendition:
            self._periods.clear()
        elif frame.sequence > sequence and frame.captured > captured:
            self._periods.append((frame.captured - captured) / (frame.sequence - sequence))

    def _need(self, transfer: int, round_trip: int) -> int:
        """Sets the window; returns how many frames the device must be free to send, or else it is granted anew."""
        if not self._periods:
            return self.window
        period = median(self._periods)
        if transfer > period:
            self.window = min(MAX_WINDOW, 1 + round(round_trip / transfer))
            return self.window
        need = min(MAX_WINDOW, 1 + math.ceil((transfer + round_trip) / period))
        room = ROOM * period / max(1, transfer + round_trip)
        self.window = min(MAX_WINDOW, need + min(SPARE, int(room)))
        return need
