"""Accepts viewers on one port, tells by their first bytes what they speak, and looks after their sessions."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from lenswire import wire
from lenswire.device.channel import Channel
from lenswire.device.hub import Hub
from lenswire.device.session import LegacySession, NativeSession, Session
from lenswire.ends import DeviceConnection
from lenswire.errors import ServeError
from lenswire.legacy import looks_legacy
from lenswire.messages import CloseCode, Command, Result, Status

log = logging.getLogger(__name__)

TLS_HANDSHAKE = b"\x16\x03"  # a TLS record of type handshake, any version
FIRST_BYTES = 4  # tell every dialect apart
SNIFF_LIMIT = 5.0  # seconds to say them
BACKLOG = 128  # a fleet's viewers all return at once after a power cut
SWEEP = 1.0  # seconds between looks at who has gone silent
NEWS = 2.0  # seconds between statuses when nothing changes: the figures in them move


@dataclass(frozen=True, slots=True)
class Access:
    """Who may watch. key: 32 bytes. tls and fingerprint belong to the device's certificate."""

    tls: ssl.SSLContext
    fingerprint: bytes
    key: bytes
    key_needed: bool
    legacy: bool = False
    max_viewers: int = 128


class Server:
    """The sessions of all viewers. status() and obey() come from the composition root. Event loop only."""

    def __init__(
        self,
        name: str,
        access: Access,
        hub: Hub,
        status: Callable[[], Status],
        obey: Callable[[NativeSession, Command], Result | None],
        sniff_limit: float = SNIFF_LIMIT,
    ) -> None:
        self.name, self.access, self.hub, self.status, self.obey = name, access, hub, status, obey
        self.sessions: set[Session] = set()
        self.addresses: list[str] = []
        self.now = time.monotonic_ns
        self._sniff_limit = sniff_limit
        self._admitted: set[Session] = set()
        self._loop = asyncio.get_running_loop()
        self._listeners: list[socket.socket] = []
        self._arriving: dict[socket.socket, asyncio.TimerHandle] = {}
        self._timer: asyncio.TimerHandle | None = None

    # Life

    def listen(self, host: str, port: int) -> None:
        """Begin to accept viewers. Raises ServeError, in words, when the address cannot be had."""
        try:
            infos = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, _, _, _, address in {info[4][0]: info for info in infos}.values():
                self._listen_on(family, address)
        except OSError as error:
            self.close("")
            words = error.strerror or str(error)
            raise ServeError(f"cannot listen on {host or '*'}:{port}: {words.lower()}") from None
        self._sweep(self._loop.time())

    def close(self, reason: str) -> None:
        """Tell every viewer and end."""
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
        self._listeners.clear()
        for arriving in list(self._arriving):
            self._dismiss(arriving)
        for session in list(self.sessions):
            session.close(CloseCode.STOPPING, reason)
        if self._timer:
            self._timer.cancel()

    # Sessions

    def admit(self, session: Session) -> str:
        """ "" if there is room for one more viewer, else the words of the refusal."""
        if len(self._admitted) >= self.access.max_viewers:
            return f"{self.name} serves at most {self.access.max_viewers} viewers at once, and they are all here"
        self._admitted.add(session)
        return ""

    def forget(self, session: Session) -> None:
        """The session has ended."""
        self.sessions.discard(session)
        self._admitted.discard(session)

    def tell(self) -> None:
        """Tell every viewer the status of the device."""
        status = wire.encode(self.status())  # once for all: it costs as much as sending two frames
        for session in list(self._admitted):
            session.tell(status)

    # Inside

    def _listen_on(self, family: socket.AddressFamily | int, address: tuple[object, ...]) -> None:
        listener = socket.socket(family, socket.SOCK_STREAM)
        self._listeners.append(listener)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
        self._loop.add_reader(listener, self._accept, listener)
        host, port = listener.getsockname()[:2]
        self.addresses.append(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, address = listener.accept()
        except OSError as error:  # no descriptors left, or the peer has gone already: the next one may do
            log.warning("! cannot accept a viewer: %s", error)
            return
        peer = f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
        if len(self.sessions) + len(self._arriving) >= 2 * self.access.max_viewers:
            log.warning("! %s turned away: too many connections", peer)
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, FIRST_BYTES)
        self._arriving[sock] = self._loop.call_later(self._sniff_limit, self._dismiss, sock)
        self._loop.add_reader(sock, self._sniff, sock, peer)

    def _sniff(self, sock: socket.socket, peer: str) -> None:
        try:
            first = sock.recv(FIRST_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            first = b""
        if len(first) < FIRST_BYTES:
            self._dismiss(sock)
            return
        self._arriving.pop(sock).cancel()
        self._loop.remove_reader(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        self._begin(sock, peer, first)

    def _dismiss(self, sock: socket.socket) -> None:
        self._arriving.pop(sock).cancel()
        self._loop.remove_reader(sock)
        hang_up(sock)

    def _begin(self, sock: socket.socket, peer: str, first: bytes) -> None:
        session: Session
        if looks_legacy(first):
            if not self.access.legacy:  # it would take our words for the size of a picture
                log.warning("! %s is a client of the article; it is served with --legacy", peer)
                hang_up(sock)
                return
            session = LegacySession(self, peer)
        elif first.startswith(TLS_HANDSHAKE):
            sock = self.access.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            session = NativeSession(self, peer, self._connection(self.access.fingerprint))
        else:
            if first != wire.MAGIC:
                log.warning("! %s does not speak lenswire: it began with %r", peer, first)
            session = NativeSession(self, peer, self._connection(b""))
        self.sessions.add(session)
        session.channel = Channel(self._loop, sock, session)

    def _connection(self, fingerprint: bytes) -> DeviceConnection:
        access = self.access
        return DeviceConnection(
            self.name,
            os.urandom(32),
            key=access.key,
            fingerprint=fingerprint,
            key_needed=access.key_needed,
        )

    def _sweep(self, last_news: float) -> None:
        moment = self._loop.time()
        for session in list(self.sessions):
            session.check(self.now())
        if moment - last_news >= NEWS:
            self.tell()
            last_news = moment
        self._timer = self._loop.call_later(SWEEP, self._sweep, last_news)


def hang_up(sock: socket.socket) -> None:
    """Close without a word. What has come is read first, or the peer would see a reset in the place of an end."""
    with contextlib.suppress(OSError):
        sock.recv(4096)
    sock.close()


def is_loopback(host: str) -> bool:
    """Only this machine can reach the address. A name that is not an address counts as "localhost" or not at all."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
