"""A viewer's socket on the event loop, plain or TLS. A frame is begun only when the socket has room for it.

The kernel's send buffer is a queue too: TCP_NOTSENT_LOWAT keeps what waits there to about one frame, and a frame that
the socket will not begin to take is handed back, so that a newer one can go in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from typing import Protocol

# Bytes not yet sent that the kernel may hold before it says "not writable". Measured with a viewer at a third of the
# rate: pictures 2.4-6 s old with the default, 0.15-0.3 s with 16 KiB; the frame rate is the same.
NOTSENT_LOWAT = 16 << 10
# Unacknowledged for so long, the peer is gone (ms). Longer than any Wi-Fi hand-over, shorter than a person's patience.
USER_TIMEOUT = 10_000
RECEIVE = 4 << 10  # a viewer says little
# Answers (pong, result, status) that wait for a viewer who sends but never reads. A status is at most 16 KiB.
MAX_ANSWERS = 128 << 10

# What TLS 1.3 makes of a message on top of its own bytes: header, type and tag of the record.
TLS_RECORD = 22

# Seconds for a peer to read why the connection ends, and to end its side.
LINGER = 1.0

_WOULD_BLOCK = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Owner(Protocol):
    """Who uses a channel. `ended` is called once, whatever happens; the reason is empty for an orderly end."""

    def received(self, data: bytes) -> None: ...
    def writable(self) -> None: ...
    def ended(self, reason: str) -> None: ...


class Channel:
    """Bytes to and from one non-blocking socket, on the event loop only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, owner: Owner) -> None:
        self._loop, self._socket, self._owner = loop, sock, owner
        self._pending: deque[memoryview] = deque()
        self._answers = 0  # bytes of `_pending` that are not a frame
        self._tls = sock if isinstance(sock, ssl.SSLSocket) else None
        self._shaking = self._tls is not None
        self._lying = 0
        self._writer = self._closing = self._ended = False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_LOWAT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT)
        loop.add_reader(sock, self._on_readable)

    @property
    def busy(self) -> bool:
        """Something that was begun has not been taken by the kernel yet, or it is too late to begin anything."""
        return bool(self._pending) or self._shaking or self._closing

    def send(self, data: bytes) -> None:
        """Send an answer, after what has been begun."""
        if data and not self._closing:
            self._answers += len(data)
            if self._answers > MAX_ANSWERS:
                self.abort("it sends but does not read")
                return
            self._pending.append(memoryview(data))
            self._flush()

    def begin(self, frame: bytes) -> int | None:
        """Begin to send a frame; returns how many bytes wait for room: owner.writable() is called when they are gone.
        None if there is no room for even its first byte, or if an answer waits for room: then that is called when there
        is. Over TLS a frame is begun whether there is room or not, since a record once encrypted must be sent."""
        if self._pending or self._closing:
            return None
        if self._tls:  # a send takes but one record, 16 KiB
            self._pending.append(memoryview(frame))
            self._flush()
            return None if self._ended else sum(map(len, self._pending))
        try:
            left = len(frame) - self._socket.send(frame)
        except _WOULD_BLOCK:
            self._want_writer(True)
            return None
        except OSError as error:
            self.abort(_words(error))
            return None
        if left:
            self._pending.append(memoryview(frame)[-left:])
            self._want_writer(True)
        return left

    def let_lie(self, size: int) -> None:
        """Leave up to `size` bytes in the socket, without being woken for them, until more comes or hear() is called.
        0: read whatever comes."""
        if size != self._lying and not self._ended:
            self._lying = size
            record = TLS_RECORD if self._tls and size else 0
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size + record + 1)

    def hear(self) -> None:
        """Read what lies there now: owner.received() is called with it before this returns, if there is anything."""
        if self._lying and not self._ended:
            self._on_readable()

    def close(self) -> None:
        """Send what has been begun, then end. What the peer still says is read and forgotten: closing a socket with
        unread bytes resets the connection, and the peer would never read why."""
        if not self._closing:
            self.let_lie(0)
            self._closing = True
            self._loop.call_later(LINGER, self.abort, "")
            self._flush()

    def abort(self, reason: str) -> None:
        """End now. A second call is no error."""
        if self._ended:
            return
        self._ended = self._closing = True
        self._pending.clear()
        self._loop.remove_reader(self._socket)
        self._want_writer(False)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._owner.ended(reason)

    # Inside

    def _on_readable(self) -> None:
        if self._tls and self._shaking:
            self._shake_hands(self._tls)
            return
        try:
            while data := self._socket.recv(RECEIVE):
                if not self._closing:
                    self._owner.received(data)
                if self._ended or self._tls is None or not self._tls.pending():
                    return
        except _WOULD_BLOCK:
            if self._tls:
                self.let_lie(0)  # it may hold half a record
            return
        except OSError as error:
            self.abort(_words(error))
            return
        self.abort("")

    def _on_writable(self) -> None:
        if self._tls and self._shaking:
            self._shake_hands(self._tls)
            return
        self._flush()
        if not self._pending and not self._ended:
            self._want_writer(False)
            if not self._closing:
                self._owner.writable()

    def _flush(self) -> None:
        if self._shaking:
            return
        try:
            while self._pending and not self._ended:
                chunk = self._pending[0]
                sent = self._socket.send(chunk)
                if sent < len(chunk):
                    self._pending[0] = chunk[sent:]
                else:
                    self._pending.popleft()
        except _WOULD_BLOCK:
            self._want_writer(True)
        except OSError as error:
            self.abort(_words(error))
        if not self._pending:
            self._answers = 0
            self._finish()

    def _finish(self) -> None:
        """All has been said: let the peer know, and wait for its end."""
        if self._closing and not self._ended:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def _shake_hands(self, tls: ssl.SSLSocket) -> None:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            self._want_writer(False)
        except ssl.SSLWantWriteError:
            self._want_writer(True)
        except OSError as error:
            self.abort(f"no TLS: {_words(error)}")
        else:
            self._shaking = False
            self._want_writer(False)
            self._flush()
            self._on_readable()  # what came with the last flight of the handshake is already inside the TLS layer

    def _want_writer(self, wanted: bool) -> None:
        if wanted == self._writer:
            return
        self._writer = wanted
        if wanted:
            self._loop.add_writer(self._socket, self._on_writable)
        else:
            self._loop.remove_writer(self._socket)


def _words(error: OSError) -> str:
    return str(error.strerror or error)
