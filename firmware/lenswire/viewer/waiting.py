"""Waiting for sockets in one thread, in a way that another thread can end at once."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Stopped(Exception):
    """Not an error: whoever waits is to leave everything and end."""


class Waiting:
    """All but wake() and stop() belong to the thread that waits."""

    def __init__(self) -> None:
        self.stopped = False
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._woken, READ)

    # From any thread

    def wake(self) -> None:
        """End the wait that is going on, or the next one."""
        with contextlib.suppress(OSError):  # full: it is awake already; closed: there is nobody to wake
            self._waker.send(b"\0")

    def stop(self) -> None:
        """Every wait raises Stopped from now on."""
        self.stopped = True
        self.wake()

    # From the thread that waits

    def attach(self, sock: socket.socket, events: int) -> None:
        self._selector.register(sock, events)

    def detach(self, sock: socket.socket) -> None:
        """Before the socket is closed."""
        self._selector.unregister(sock)

    def wait(self, until: int) -> set[socket.socket]:
        """The attached sockets that are ready; none if woken, or at `until` (time.monotonic_ns). Raises Stopped."""
        ready: set[socket.socket] = set()
        for key, _ in self._selector.select(max(0, until - time.monotonic_ns()) / 1e9):
            if key.fileobj is self._woken:
                self._woken.recv(4096)
            elif isinstance(key.fileobj, socket.socket):
                ready.add(key.fileobj)
        if self.stopped:
            raise Stopped
        return ready

    def close(self) -> None:
        self._selector.close()
        self._woken.close()
        self._waker.close()
