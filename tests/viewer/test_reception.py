"""An open connection as its viewer sees it, without a connection."""

from __future__ import annotations

import itertools
from typing import Any

from lenswire.messages import Credit, Frame, Hello, Message, Ping, Pong, Watch
from lenswire.viewer.credit import FIRST_WINDOW
from lenswire.viewer.reception import HURRIED_PINGS, PING_INTERVAL, UNKNOWN, Reception, Statistics

MS = 1_000_000
SECOND = 1000 * MS
OFFSET = 50 * SECOND  # the device's clock is ahead by so much


class Said:
    """A connection that only listens to us."""

    peer: Hello | None = None
    may_command = True

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Message) -> None:
        self.messages.append(message)

    def grant(self, window: int) -> None:
        self.messages.append(Credit(0, window))

    def taken(self) -> list[Message]:
        taken, self.messages = self.messages, []
        return taken

    def receive_data(self, data: memoryview, now: int) -> None: ...
    def events(self) -> list[Message]:
        return []

    def data_to_send(self) -> bytes:
        return b""

    def close(self) -> None: ...


def begun(watch: Watch | None = None) -> tuple[Said, Reception, Statistics]:
    said, statistics = Said(), Statistics()
    return said, Reception(said, watch, statistics, now=0), statistics


def frame(sequence: int, captured: int, rendition: int = 1, **rest: Any) -> Frame:
    return Frame(sequence, captured, rendition, 640, 480, 0, 1000, b"jpeg", **rest)


def test_watch_credit_and_ping_are_said_at_once() -> None:
    said, _, _ = begun(Watch(640, 480))
    assert said.messages == [Ping(0), Watch(640, 480), Credit(0, FIRST_WINDOW)]


def test_who_only_looks_at_the_status_asks_for_no_picture() -> None:
    said, _, _ = begun(None)
    assert said.messages == [Ping(0)]


def test_a_frame_is_dated_on_our_clock() -> None:
    _, reception, statistics = begun(Watch())
    reception.pong(Pong(0, OFFSET + 2 * MS), now=4 * MS)
    received = reception.frame(frame(1, OFFSET + 10 * MS), now=15 * MS)
    assert (received.captured, received.received) == (10 * MS, 15 * MS)
    assert 2 * MS <= received.clock_error < 2.1 * MS
    assert received.age(20 * MS) == 0.01
    assert statistics.rtt_ms == 4.0


def test_a_frame_before_the_first_pong_is_dated_when_it_came_and_says_so() -> None:
    _, reception, _ = begun(Watch())
    received = reception.frame(frame(1, OFFSET), now=7 * MS)
    assert (received.captured, received.clock_error) == (7 * MS, UNKNOWN)


def test_no_frame_comes_from_the_future() -> None:
    _, reception, _ = begun(Watch())
    reception.pong(Pong(0, OFFSET), now=100 * MS)  # all of it on the way back: the guess is 50 ms off
    received = reception.frame(frame(1, OFFSET + 99 * MS), now=100 * MS)
    assert received.age(100 * MS) == 0


def test_gaps_in_the_sequence_are_counted_within_a_rendition() -> None:
    _, reception, statistics = begun(Watch())
    due = [(1, 1), (2, 1), (5, 1), (900, 2), (901, 2), (1, 3)]
    dropped = [reception.frame(frame(n, n * MS, rendition), n * MS).dropped for n, rendition in due]
    assert dropped == [0, 0, 2, 0, 0, 0]
    assert (statistics.dropped, statistics.frames, statistics.bytes) == (2, 6, 24)


def test_pings_hurry_first_and_then_come_once_a_second() -> None:
    said, reception, _ = begun(None)
    now = 0
    for _ in range(10):
        now = reception.tick(now)
    reception.tick(now)
    times = [ping.time for ping in said.messages if isinstance(ping, Ping)]
    assert times[HURRIED_PINGS - 1] < SECOND
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert max(pauses) <= 1.5 * PING_INTERVAL
    assert min(pauses[HURRIED_PINGS:]) >= PING_INTERVAL


def test_a_ping_that_is_due_goes_out_with_a_credit() -> None:
    said, reception, _ = begun(Watch())
    said.taken()
    reception.frame(frame(1, 1), now=PING_INTERVAL)
    assert [type(message) for message in said.taken()] == [Credit, Ping]
    reception.frame(frame(2, 2), now=PING_INTERVAL + MS)
    assert Ping not in [type(message) for message in said.taken()]


def test_a_new_wish_is_said_once() -> None:
    said, reception, _ = begun(Watch(640, 480))
    said.taken()
    reception.watch(Watch(640, 480))
    assert said.taken() == []
    reception.watch(Watch(320, 240))
    reception.watch(Watch(320, 240))
    assert said.taken() == [Watch(320, 240)]


def test_who_begins_to_watch_later_is_granted_frames() -> None:
    said, reception, _ = begun(None)
    said.taken()
    reception.watch(Watch())
    assert said.taken() == [Watch(), Credit(0, FIRST_WINDOW)]
