"""Opening a socket, and waiting for it in a way that can be ended."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from lenswire.errors import ConnectError
from lenswire.viewer.dial import first_to_answer
from lenswire.viewer.waiting import READ, Stopped, Waiting

LIMIT = 10_000_000_000  # ns


def soon() -> int:
    return time.monotonic_ns() + LIMIT


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    waiting = Waiting()
    yield waiting
    waiting.close()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def info(listener: socket.socket) -> tuple[Any, ...]:
    """An address as getaddrinfo gives it."""
    return socket.AF_INET, socket.SOCK_STREAM, 0, "", listener.getsockname()


@pytest.fixture
def open_door(stack: ExitStack) -> socket.socket:
    return stack.enter_context(socket.create_server(("127.0.0.1", 0)))


@pytest.fixture
def dead_end(stack: ExitStack) -> socket.socket:
    """A listener whose queue is full leaves a SYN unanswered."""
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
    for _ in range(3):
        filler = stack.enter_context(socket.socket())
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    return listener


def test_an_address_that_leads_nowhere_does_not_hold_up_the_next(
    waiting: Waiting, open_door: socket.socket, dead_end: socket.socket
) -> None:
    addresses = deque([info(dead_end), info(open_door)])
    with first_to_answer(addresses, waiting, soon(), "porch") as sock:
        assert sock.getpeername() == open_door.getsockname()


def test_an_address_that_refuses_or_cannot_be_used_gives_way_to_the_next(
    waiting: Waiting, open_door: socket.socket
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refusing = info(closed)
    unusable = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("255.255.255.255", 1))
    with first_to_answer(deque([unusable, refusing, info(open_door)]), waiting, soon(), "porch") as sock:
        assert sock.getpeername() == open_door.getsockname()


def test_no_answer_within_the_limit(waiting: Waiting, dead_end: socket.socket) -> None:
    with pytest.raises(ConnectError, match="cannot connect to porch: no answer"):
        first_to_answer(deque([info(dead_end)]), waiting, time.monotonic_ns() + 50_000_000, "porch")


def test_stop_ends_the_attempt(waiting: Waiting, dead_end: socket.socket) -> None:
    threading.Timer(0.05, waiting.stop).start()
    with pytest.raises(Stopped):
        first_to_answer(deque([info(dead_end)]), waiting, time.monotonic_ns() + 360 * LIMIT, "porch")


def test_a_wait_ends_when_it_is_woken_once(waiting: Waiting) -> None:
    waiting.wake()
    waiting.wake()
    assert waiting.wait(time.monotonic_ns() + 360 * LIMIT) == set()
    until = time.monotonic_ns() + 20_000_000
    assert waiting.wait(until) == set()
    assert time.monotonic_ns() >= until


def test_a_wait_ends_when_a_socket_is_ready(waiting: Waiting, stack: ExitStack) -> None:
    ours, theirs = map(stack.enter_context, socket.socketpair())
    waiting.attach(ours, READ)
    assert waiting.wait(0) == set()
    theirs.send(b"x")
    assert waiting.wait(time.monotonic_ns() + 360 * LIMIT) == {ours}
    waiting.detach(ours)


def test_to_wake_somebody_who_has_gone_is_no_error(waiting: Waiting) -> None:
    waiting.close()
    waiting.wake()
    waiting.stop()
