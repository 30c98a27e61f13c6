"""Where a paired device is: at its address in the link, or wherever the network now says that its certificate is.

A router may give a device another address, and a laptop may not know how to look "porch.local" up. The fingerprint in
the link decides who is talked to, so that it does not matter who told the address.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections.abc import Callable
from dataclasses import replace

from lenswire.errors import ConnectError, LenswireError
from lenswire.link import Target
from lenswire.viewer.dial import dial
from lenswire.viewer.neighbours import Neighbours
from lenswire.viewer.waiting import Waiting


class Whereabouts:
    """Of one target. `search`: how long the first dial may look on the network, in seconds; 0: never look there."""

    def __init__(
        self, target: Target, search: float, listen: Callable[[Callable[[], None]], Neighbours] = Neighbours
    ) -> None:
        self._target = target
        self._search = search if target.fingerprint and not _is_here(target.host) else 0.0
        self._listen = listen
        self._last = target  # where it was met
        self._patience = self._search  # of the dial before which there was no connection
        self._neighbours: Neighbours | None = None

    def dial(self, waiting: Waiting, connect_limit: float, tls_limit: float) -> socket.socket:
        """As dial.dial(). Later failures wait for nothing: the network is listened to until there is a connection."""
        try:
            sock = dial(self._last, waiting, connect_limit, tls_limit)
        except ConnectError as error:
            sock = self._elsewhere(error, waiting, connect_limit, tls_limit)
        self._patience = 0.0
        self.close()
        return sock

    def close(self) -> None:
        """Listen to the network no longer."""
        if self._neighbours:
            self._neighbours.close()
            self._neighbours = None

    def _elsewhere(
        self, error: ConnectError, waiting: Waiting, connect_limit: float, tls_limit: float
    ) -> socket.socket:
        for target in self._places(waiting):
            with contextlib.suppress(ConnectError):
                sock = dial(target, waiting, connect_limit, tls_limit)
                self._last = target
                return sock
        self._last = self._target
        raise error

    def _places(self, waiting: Waiting) -> list[Target]:
        """Where else it may be."""
        if not self._search:
            return []
        try:
            self._neighbours = self._neighbours or self._listen(waiting.wake).open()
        except LenswireError:  # no network, or nothing to look with
            return []
        until, self._patience = time.monotonic_ns() + int(self._patience * 1e9), 0.0
        while not (places := self._found()) and time.monotonic_ns() < until:
            waiting.wait(until)
        return places

    def _found(self) -> list[Target]:
        neighbours = self._neighbours.found if self._neighbours else []
        told = {self._target: None} | {
            replace(self._target, host=address, port=one.port): None
            for one in neighbours
            if one.fingerprint == self._target.fingerprint
            for address in one.addresses
        }
        return [target for target in told if target != self._last]


def _is_here(host: str) -> bool:
    """This machine does not move."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
