"""The viewers of the benchmark, all in this one process: they receive, take the time, and keep enough of some pictures
to read afterwards when they were captured."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import socket
import ssl
import time
from collections.abc import Iterable
from typing import NamedTuple, Protocol

import servers
import simplejpeg

from lenswire import stamp, wire
from lenswire.ends import ViewerConnection
from lenswire.messages import NONCE, Kind, Pong, Status, Watch, Welcome
from lenswire.viewer.reception import Reception, Statistics

BUFFER = 2 << 20
CELL = 16  # pixels of the stand-in camera's stamp, whatever the size of its picture
EVERYTHING = Watch()
THROTTLE_TURN = 0.005  # seconds between two reads for a slow viewer
QUIET = 0.001  # seconds without anything to read until what was read is looked at
LATE_ANSWER = 0.01  # seconds that a viewer's answer may wait for others to be read


class Taken(NamedTuple):
    """The first whole message of some bytes: how long it is (0: there is none yet), and where its JPEG lies in it."""

    used: int
    jpeg: slice | None = None


NOTHING_YET = Taken(0)


class Dialect(Protocol):
    def said(self) -> bytes:
        """What the viewer says next."""
        ...

    def take(self, data: memoryview, now: int) -> Taken: ...


class Multipart:
    """JPEGs with a Content-Length each, over HTTP, or bare (the request is then never read)."""

    _LENGTH = re.compile(rb"content-length: *(\d+).*?\r\n\r\n", re.IGNORECASE | re.DOTALL)

    def __init__(self) -> None:
        self._request = b"GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n"

    def said(self) -> bytes:
        request, self._request = self._request, b""
        return request

    def take(self, data: memoryview, now: int) -> Taken:
        head = self._LENGTH.search(data[:4096])
        end = head.end() + int(head[1]) if head else 0
        return Taken(end, slice(head.end(), end)) if head and end <= len(data) else NOTHING_YET


class Native:
    """A viewer of ours: the product's own handshake, credit, clock and pings; only the picture is left where it is."""

    def __init__(self, watch: Watch = EVERYTHING) -> None:
        self.status: Status | None = None
        self.statistics = Statistics()
        self._watch = watch
        self._connection = ViewerConnection("bench", os.urandom(NONCE))
        self._reception: Reception | None = None

    def said(self) -> bytes:
        return self._connection.data_to_send()

    def take(self, data: memoryview, now: int) -> Taken:
        if len(data) < wire.HEADER.size:
            return NOTHING_YET
        header = wire.decode_header(data)
        end = wire.HEADER.size + header.length
        if end > len(data):
            return NOTHING_YET
        if header.kind == Kind.FRAME and self._reception:
            self._connection.frames_received += 1
            self._reception.frame(wire.decode(header, data[wire.HEADER.size : end]), now)
            return Taken(end, slice(wire.JPEG_OFFSET, end))
        self._hear(data[:end], now)
        return Taken(end)

    @property
    def asked(self) -> bool:
        """It has been let in, and has asked for pictures."""
        return self._reception is not None

    def _hear(self, message: memoryview, now: int) -> None:
        self._connection.receive_data(message, now)
        for event in self._connection.events():
            match event:
                case Welcome():
                    self._reception = Reception(self._connection, self._watch, self.statistics, now)
                case Pong() if self._reception:
                    self._reception.pong(event, now)
                case Status():
                    self.status = event


class Viewer:
    """One connection. samples: when every `every`th frame was here (ns), and the begin of its JPEG."""

    def __init__(self, sock: socket.socket, dialect: Dialect) -> None:
        self.socket, self.dialect = sock, dialect
        self.ended = False
        self.forget()
        self._buffer = memoryview(bytearray(BUFFER))
        self._filled = 0
        self._read_at = 0
        sock.setblocking(False)
        self._answer()

    def forget(self, every: int = 1, first: int = 0) -> None:
        """Begin to count anew, and keep a sample of every so many, from the `first` on."""
        self.frames = self.bytes = 0
        self.samples: list[tuple[int, bytes]] = []
        self._every, self._first = every, first
        self.whole = False  # samples are whole pictures

    def read(self, limit: int = BUFFER) -> int:
        """Take what the socket has, at most `limit` bytes; returns how many."""
        begin = self._filled
        with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
            while (room := min(BUFFER - self._filled, limit - (self._filled - begin))) > 0:
                size = self.socket.recv_into(self._buffer[self._filled : self._filled + room])
                self.ended = not size
                self._filled += size
                if self.ended or not isinstance(self.socket, ssl.SSLSocket):  # TLS gives 16 KiB at most
                    break
        self._read_at = time.monotonic_ns()
        self.bytes += self._filled - begin
        return self._filled - begin

    def digest(self) -> None:
        """Look at what was read, and answer."""
        at = 0
        while (taken := self.dialect.take(self._buffer[at : self._filled], self._read_at)).used:
            if taken.jpeg:
                self._count(self._buffer[at : at + taken.used][taken.jpeg])
            at += taken.used
        self._buffer[: self._filled - at] = self._buffer[at : self._filled]
        self._filled -= at
        self._answer()

    def ages(self) -> list[tuple[float, float]]:
        """When each sampled frame was here (s), and how old it was then (ms)."""
        captured = [(at, captured_at(jpeg)) for at, jpeg in self.samples]
        return [(at / 1e9, (at / 1e3 - then) / 1e3) for at, then in captured if then]

    def _count(self, jpeg: memoryview) -> None:
        if self.frames % self._every == self._first:
            enough = len(jpeg) if self.whole else 8192 + len(jpeg) // 8
            self.samples.append((self._read_at, bytes(jpeg[:enough])))
        self.frames += 1

    def _answer(self) -> None:
        if said := self.dialect.said():
            self.socket.send(said)


class Throttle:
    """Reads for one viewer at so many bytes per second."""

    def __init__(self, viewer: Viewer, rate: float) -> None:
        self.viewer, self._rate = viewer, rate
        self._began, self._taken = time.monotonic(), 0

    def turn(self) -> None:
        due = int((time.monotonic() - self._began) * self._rate) - self._taken
        if due >= 4096:
            self._taken += self.viewer.read(due)
            self.viewer.digest()


class Crowd:
    """Many viewers. Sockets are read until none has been ready for a while, and only then is what they gave looked at:
    the work for one viewer's frame must not make another's look older."""

    def __init__(self, viewers: Iterable[Viewer]) -> None:
        self.viewers = list(viewers)
        self._selector = selectors.DefaultSelector()
        self._read: dict[Viewer, None] = {}
        self._read_since = self._read_last = 0.0
        self._quiet = QUIET if len(self.viewers) > 1 else 0.0
        for viewer in self.viewers:
            self._selector.register(viewer.socket, selectors.EVENT_READ, viewer)

    def watch(self, seconds: float, *throttles: Throttle) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            ready = self._selector.select(0 if self._read else min(left, THROTTLE_TURN if throttles else 0.2))
            for key, _ in ready:
                self._take(key.data)
            now = time.monotonic()
            if ready:
                self._read_last = now
            quiet = not ready and now - self._read_last >= self._quiet
            if self._read and (quiet or now - self._read_since > LATE_ANSWER):
                self._digest()
            for throttle in throttles:
                throttle.turn()

    def close(self) -> None:
        self._selector.close()
        for viewer in self.viewers:
            viewer.socket.close()

    def _take(self, viewer: Viewer) -> None:
        viewer.read()
        if not self._read:
            self._read_since = time.monotonic()
        self._read[viewer] = None
        if viewer.ended:
            self._selector.unregister(viewer.socket)

    def _digest(self) -> None:
        for viewer in self._read:
            viewer.digest()
        self._read.clear()


def arrive(peer: servers.Peer, port: int, watch: Watch = EVERYTHING, receive_buffer: int = 0) -> Viewer:
    """A viewer that has just connected and said its first words. The server may still be starting."""
    sock = servers.connect(port, receive_buffer)
    if peer.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        sock = context.wrap_socket(sock)
    return Viewer(sock, Native(watch) if peer.native else Multipart())


def captured_at(jpeg: bytes) -> int | None:
    """Microseconds of CLOCK_MONOTONIC: from the comment that the stand-in camera writes into its JPEGs, or from the
    blocks that it draws into its pixels."""
    comment = jpeg.find(b"FKV4:", 0, 64)
    if comment >= 0:
        return int(jpeg[comment + 5 : comment + 17], 16)
    gray = simplejpeg.decode_jpeg(_top(jpeg), "GRAY", strict=False)[..., 0]
    return stamp.read(gray[: 2 * CELL, : stamp.CELLS * CELL])


def _top(jpeg: bytes) -> bytes:
    """The same JPEG with its height patched: decoding stops after the rows that carry the stamp."""
    top, at = bytearray(jpeg), 2
    while top[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(top[at + 2 : at + 4], "big")
    top[at + 5 : at + 7] = (2 * CELL).to_bytes(2, "big")
    return bytes(top) + b"\xff\xd9"
