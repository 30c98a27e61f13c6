"""An open connection as its viewer sees it: asks, grants credit, pings; dates the frames and counts those missing.

No I/O: times are ns on our CLOCK_MONOTONIC, passed in.
"""

from __future__ import annotations

from dataclasses import dataclass

from lenswire.messages import Frame, Ping, Pong, Watch
from lenswire.viewer.clock import Clock
from lenswire.viewer.credit import CreditPolicy
from lenswire.viewer.dialect import Talk

# The device takes a viewer for dead after 10 s without a word, we the device after 5 s: one ping a second leaves room
# for several that are lost, and keeps the clock right (see clock.py).
PING_INTERVAL = 1_000_000_000
# The first few quickly, so that one meets an idle network within the first second.
HURRIED_PINGS, HURRIED_INTERVAL = 5, 150_000_000
# A ping goes out with a credit when it can: on a slow link that is the moment when nothing stands in the pong's way. By
# itself it goes when it is late by this part of an interval.
LATE = 0.5
# How wrong a time may be of which nothing is known: longer than any device has been running.
UNKNOWN = 1 << 62
# The device's clock started anew if what it shows is off by more, compared with ours, than from one frame to the next
# any error of the estimate could make it.
RESTART = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Received:
    """A frame as it reached this viewer."""

    frame: Frame  # its jpeg is a memoryview
    received: int  # when its last byte was here
    captured: int  # when it was captured, on our clock, by the estimate
    clock_error: int  # the estimate is right to +- this; `UNKNOWN`: the device does not say, and captured = received
    dropped: int  # frames of this rendition that were due between the last one we got and this one

    def age(self, now: int) -> float:
        """Seconds since it was captured."""
        return (now - self.captured) / 1e9

    def same_clock(self, before: Received) -> bool:
        """Whether the device's clock went on since an earlier frame; False: it started anew."""
        return abs((self.captured - self.frame.captured) - (before.captured - before.frame.captured)) < RESTART


@dataclass(slots=True)
class Statistics:
    """What a stream has seen so far. Written by its thread, read by anyone."""

    frames: int = 0
    bytes: int = 0
    dropped: int = 0
    reconnects: int = 0
    rtt_ms: float = 0.0
    clock_error_ms: float = 0.0
    window: int = 0


class Reception:
    """From WELCOME to the end of one connection. watch None: looks at the device's status only."""

    def __init__(self, talk: Talk, watch: Watch | None, statistics: Statistics, now: int) -> None:
        self._talk, self._statistics = talk, statistics
        self._clock, self._credit = Clock(), CreditPolicy(now)
        self._last: Frame | None = None
        self._pings, self._pinged = 0, 0
        self._watch: Watch | None = None
        self._ping(now)  # first, so that no frame stands in the pong's way
        self.watch(watch)

    # In

    def frame(self, frame: Frame, now: int) -> Received:
        """A frame has come; grants the next ones."""
        captured, error = self._clock.ours(frame.captured, now) if self._clock.known else (now, UNKNOWN)
        received = Received(frame, now, min(captured, now), error, self._dropped_before(frame))
        self._last = frame
        self._count(received)
        self._grant(received)
        return received

    def pong(self, pong: Pong, now: int) -> None:
        self._clock.learn(pong.echo, pong.time, now)

    # Out

    def watch(self, watch: Watch | None) -> None:
        """Wish for something else, if it is something else."""
        if watch is None or watch == self._watch:
            return
        self._talk.send(watch)
        if self._watch is None:
            self._talk.grant(self._credit.window)
        self._watch = watch

    def tick(self, now: int) -> int:
        """Pings if it is time; returns when to call again."""
        if now >= self._late:
            self._ping(now)
        return self._late

    # Inside

    @property
    def _interval(self) -> int:
        return HURRIED_INTERVAL if self._pings < HURRIED_PINGS else PING_INTERVAL

    @property
    def _late(self) -> int:
        return self._pinged + int(self._interval * (1 + LATE))

    def _ping(self, now: int) -> None:
        self._talk.send(Ping(now))
        self._pings, self._pinged = self._pings + 1, now

    def _grant(self, received: Received) -> None:
        ready = received.captured + received.frame.encode_end * 1000
        window = self._credit.arrived(received.frame, ready, received.received, self._clock.round_trip)
        if window is None:
            return
        self._talk.grant(window)
        if received.received >= self._pinged + self._interval:
            self._ping(received.received)

    def _dropped_before(self, frame: Frame) -> int:
        if self._last is None or self._last.rendition != frame.rendition:
            return 0
        return max(0, frame.sequence - self._last.sequence - 1)

    def _count(self, received: Received) -> None:
        statistics = self._statistics
        statistics.frames += 1
        statistics.bytes += len(received.frame.jpeg)
        statistics.dropped += received.dropped
        statistics.window = self._credit.window
        statistics.rtt_ms = self._clock.round_trip / 1e6
        if received.clock_error != UNKNOWN:
            statistics.clock_error_ms = received.clock_error / 1e6
