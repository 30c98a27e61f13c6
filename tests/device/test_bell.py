"""The bell that the capture thread rings for the event loop."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from lenswire.device.bell import Bell, SharedLoop


def test_it_is_heard_on_the_loop_however_often_it_is_rung() -> None:
    heard: list[int] = []

    async def listen() -> None:
        bell = Bell(asyncio.get_running_loop(), lambda: heard.append(threading.get_ident()))
        for _ in range(3):
            await asyncio.to_thread(lambda: [bell.ring() for _ in range(100)])
            await asyncio.sleep(0)  # at least one turn of the loop after the last ring
        bell.close()

    asyncio.run(listen())
    assert 3 <= len(heard) <= 300
    assert set(heard) == {threading.get_ident()}


def test_what_is_rung_before_the_loop_looks_is_heard_once() -> None:
    heard: list[int] = []

    async def listen() -> None:
        bell = Bell(asyncio.get_running_loop(), lambda: heard.append(1))
        for _ in range(5):
            bell.ring()
        await asyncio.sleep(0.01)
        bell.close()

    asyncio.run(listen())
    assert heard == [1]


# In the place of the loop


def run(test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=SharedLoop) as runner:
        runner.run(asyncio.wait_for(test, 20))


class Other:
    """Another thread, at work for as long as the test says."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work, self._ended, self.turns = work, threading.Event(), 0
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._work()
            self.turns += 1

    def __enter__(self) -> Other:
        self.thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._ended.set()
        self.thread.join()


def loop_here() -> SharedLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SharedLoop)
    return loop


def test_a_sleeping_loop_is_not_woken() -> None:
    heard: list[tuple[int, asyncio.AbstractEventLoop]] = []

    async def test() -> None:
        loop = loop_here()
        bell = Bell(loop, lambda: heard.append((threading.get_ident(), asyncio.get_running_loop())))
        with Other(lambda: (time.sleep(0.01), bell.ring(True))) as other:
            while (other.thread.ident, loop) not in heard:
                await asyncio.sleep(0.05)
        bell.close()

    run(test())


def test_a_loop_at_work_hears_the_bell_itself() -> None:
    heard: list[int] = []

    async def test() -> None:
        bell = Bell(loop_here(), lambda: heard.append(threading.get_ident()))
        other = threading.Thread(target=bell.ring, args=(True,))
        other.start()
        other.join()  # while this callback runs
        assert not heard
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        bell.close()

    run(test())
    assert heard == [threading.get_ident()]


def test_what_is_planned_in_its_place_comes_to_pass_in_time() -> None:
    async def test() -> None:
        loop = loop_here()
        soon, later, told = asyncio.Event(), asyncio.Event(), loop.create_future()

        def plan() -> None:
            loop.call_soon(soon.set)
            loop.call_later(0.02, later.set)
            told.set_result("done")

        def once_it_sleeps() -> None:
            while not loop.in_its_place(plan):
                time.sleep(0.01)

        other = threading.Thread(target=once_it_sleeps)
        other.start()
        async with asyncio.timeout(10):  # all that the loop knows of when it goes to sleep
            assert await told == "done"
            await soon.wait()
            await later.wait()
        other.join()

    run(test())


def test_a_failure_in_its_place_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        bell = Bell(loop_here(), lambda: 1 // 0)
        with Other(lambda: (time.sleep(0.01), bell.ring(True))):
            while not caplog.text:
                await asyncio.sleep(0.05)
        bell.close()

    run(test())
    assert "in the place of the loop failed" in caplog.text and "ZeroDivisionError" in caplog.text


def test_never_do_two_threads_run_what_is_the_loop_s() -> None:
    """Timers, sockets that come and go, and another thread that takes the loop's place as often as it can."""
    inside: list[int] = []
    clashes: list[list[int]] = []

    def alone() -> None:
        inside.append(threading.get_ident())
        time.sleep(0.0002)  # lets the others run
        clashes.extend([inside.copy()] if len(inside) > 1 else [])
        inside.pop()

    async def test() -> None:
        loop = loop_here()
        pairs: list[tuple[socket.socket, socket.socket]] = []
        heard: list[bytes] = []

        def hear(ours: socket.socket, theirs: socket.socket) -> None:
            alone()
            heard.append(ours.recv(1))
            loop.remove_reader(ours)
            ours.close()
            theirs.close()

        def spread() -> None:
            alone()
            if pairs:  # ends one whose byte may be on its way to hear()
                ours, theirs = pairs.pop()
                if ours.fileno() >= 0:
                    loop.remove_reader(ours)
                    ours.close()
                    theirs.close()

        bell = Bell(loop, spread)
        with Other(lambda: bell.ring(True)) as other:
            for number in range(400):
                ours, theirs = socket.socketpair()
                loop.add_reader(ours, hear, ours, theirs)
                pairs.append((ours, theirs))
                theirs.send(b"x")
                loop.call_later(0.001, alone)
                await asyncio.sleep(0.002 * (number % 3))
        await asyncio.sleep(0.05)
        bell.close()
        for ours, theirs in pairs:
            ours.close()
            theirs.close()
        assert heard and other.turns > 400

    run(test())
    assert not clashes
