"""How the capture thread's frames come to the event loop: by a bell, or by taking the loop's place while it sleeps.

To wake a thread takes longer than to send a frame to a viewer. So whoever holds the loop's *turn* is the loop: its own
thread, except while that sleeps in its selector; or the capture thread, which takes the turn then, spreads its frame,
and gives it back. Never do two threads run what belongs to the loop.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import select
import selectors
import threading
from collections.abc import Callable
from contextvars import Context
from typing import TypeVarTuple

log = logging.getLogger(__name__)

Arguments = TypeVarTuple("Arguments")


class SharedLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, which another thread may take the place of while it sleeps."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._turn.acquire()
        self._planned = False
        super().__init__(_Selector(self._turn))

    def in_its_place(self, work: Callable[[], object]) -> bool:
        """Do this work here and now, as if it were a callback of the loop; False if the loop does not sleep."""
        if not self._turn.acquire(blocking=False):
            return False
        self._planned = False
        asyncio._set_running_loop(self)
        try:
            work()
        except Exception:  # as with a callback of the loop: it ends nothing else
            log.exception("! work in the place of the loop failed")
        finally:
            asyncio._set_running_loop(None)
            planned = self._planned
            self._turn.release()
        if planned:
            self.call_soon_threadsafe(_nothing)  # it sleeps by what it knew before
        return True

    def call_soon(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        self._planned = True
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self._planned = True
        return super().call_at(when, callback, *args, context=context)


class _Selector(selectors.EpollSelector):
    """Gives the turn away while it sleeps. What is ready is looked up with the turn in hand: it may have changed."""

    def __init__(self, turn: threading.Lock) -> None:
        super().__init__()
        self._turn = turn
        self._sleep = select.poll()
        self._sleep.register(self.fileno(), select.POLLIN)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._turn.release()
            try:
                self._sleep.poll(None if timeout is None else math.ceil(timeout * 1e3))
            finally:
                self._turn.acquire()
        return super().select(0)


class Bell:
    """Rung from any thread; heard on the event loop, once for however many rings came meanwhile.

    An eventfd: `call_soon_threadsafe` makes a handle, copies a context, and reads a socket until it is empty. Cheap a
    thousand times a second, but thirty times a second every instruction of it comes from memory.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, heard: Callable[[], object]) -> None:
        self._loop, self._heard = loop, heard
        self._shared = loop if isinstance(loop, SharedLoop) and not loop.get_debug() else None
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        loop.add_reader(self._fd, self._hear)

    def ring(self, idle: bool = False) -> None:
        """idle: this thread has nothing better to do than to hear it itself, if the loop sleeps."""
        if not (idle and self._shared and self._shared.in_its_place(self._heard)):
            os.eventfd_write(self._fd, 1)

    def close(self) -> None:
        """Whoever rings must have ended."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _hear(self) -> None:
        os.eventfd_read(self._fd)
        self._heard()


def _nothing() -> None:
    """To wake up for."""
