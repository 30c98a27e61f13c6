"""Wakes the event loop from another thread, again and again.

`call_soon_threadsafe` makes a handle, copies a context, and reads a socket until it is empty: cheap a thousand times a
second, but thirty times a second every instruction of it comes from memory.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable


class Bell:
    """Rung from any thread; heard on the event loop, once for however many rings came meanwhile."""

    def __init__(self, loop: asyncio.AbstractEventLoop, heard: Callable[[], object]) -> None:
        self._loop, self._heard = loop, heard
        self._fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        loop.add_reader(self._fd, self._hear)

    def ring(self) -> None:
        os.eventfd_write(self._fd, 1)

    def close(self) -> None:
        """Whoever rings must have ended."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _hear(self) -> None:
        os.eventfd_read(self._fd)
        self._heard()
