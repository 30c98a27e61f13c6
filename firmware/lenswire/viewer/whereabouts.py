"""Where a paired device is: at its address in the link, or wherever the network now says that its certificate is.

A router may give a device another address, and a laptop may not know how to look "porch.local" up. The fingerprint in
the link decides who is talked to, so that it does not matter who told the address.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from lenswire.errors import ConnectError, LenswireError
from lenswire.link import Target
from lenswire.viewer.dial import dial
from lenswire.viewer.neighbours import Neighbours
from lenswire.viewer.waiting import Waiting


class Whereabouts:
    """Of one target. `search`: how long the first dial may look on the network, in seconds; 0: never look there."""

    def __init__(
        self, target: Target, search: float, hear: Callable[[Callable[[], None]], Neighbours] = Neighbours
    ) -> None:
        self._target = target
        self._search = search if target.fingerprint and not _is_here(target.host) else 0.0
        self._hear = hear
        self._last = target  # where it was met
        self._patience = self._search  # of the dial before which there was no connection
        self._neighbours: Neighbours | None = None

    def dial(self, waiting: Waiting, connect_limit: float, tls_limit: float) -> socket.socket:
        """As dial.dial(). Later failures wait for nothing: the network is listened to until there is a connection."""
        failures: dict[Target, ConnectError] = {}
        for place in self._places(waiting):
            try:
                sock = dial(place, waiting, connect_limit, tls_limit)
            except ConnectError as error:
                failures[place] = error
            else:
                self._last, self._patience = place, 0.0
                self.close()
                return sock
        raise failures[self._target]

    def close(self) -> None:
        """Listen to the network no longer."""
        if self._neighbours:
            self._neighbours.close()
            self._neighbours = None

    def _places(self, waiting: Waiting) -> Iterator[Target]:
        """Where it may be: first where it was, or, while it is lost, where it is announced; its own address always."""
        tried = None
        if not self._neighbours:
            tried = self._last
            yield tried
            self._listen(waiting)
        for place in dict.fromkeys([*self._announced(), self._target]):
            if place != tried:
                yield place

    def _listen(self, waiting: Waiting) -> None:
        if not self._search:
            return
        with contextlib.suppress(LenswireError):  # no network, or nothing to listen with
            self._neighbours = self._hear(waiting.wake).open()
            until, self._patience = time.monotonic_ns() + int(self._patience * 1e9), 0.0
            while not self._announced() and time.monotonic_ns() < until:
                waiting.wait(until)

    def _announced(self) -> list[Target]:
        return [
            replace(self._target, host=address, port=one.port)
            for one in (self._neighbours.found if self._neighbours else [])
            if one.fingerprint == self._target.fingerprint
            for address in one.addresses
        ]


def _is_here(host: str) -> bool:
    """This machine does not move."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
