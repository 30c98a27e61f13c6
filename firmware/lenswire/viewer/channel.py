"""One connected socket with the protocol that is spoken on it: bytes in, messages out."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time

from lenswire.errors import ConnectError, ProtocolError
from lenswire.messages import Message
from lenswire.viewer.dialect import Talk
from lenswire.viewer.waiting import READ, Waiting

# A picture of a usual size in one or two reads; TLS gives at most 16 KiB at a time whatever we ask for.
RECEIVE = 256 << 10
FAREWELL = 0.2  # seconds, at most: nobody should wait for a good-bye


class Channel:
    """Owns the socket. All of it is called from the thread that waits."""

    def __init__(self, sock: socket.socket, talk: Talk, waiting: Waiting, label: str, silence: float) -> None:
        self.heard = time.monotonic_ns()  # when the device last said anything
        self._socket, self._talk, self._waiting = sock, talk, waiting
        self._label, self._silence = label, silence
        self._buffer = memoryview(bytearray(RECEIVE))
        waiting.attach(sock, READ)

    def flush(self) -> None:
        """Send what the protocol has to say. Raises ConnectError."""
        try:
            self._say()
        except (BlockingIOError, ssl.SSLWantWriteError):
            raise ConnectError(f"{self._label} does not read what it is sent") from None
        except OSError as error:
            raise self._lost(error) from None

    def receive(self, until: int) -> list[Message]:
        """What the device said, complete at `heard`; waits for it until `until` (ns), or wake().

        Raises ConnectError, ProtocolError, Stopped.
        """
        silent_at = self.heard + int(self._silence * 1e9)
        if self._waiting.wait(min(until, silent_at)):
            self._read()
        elif time.monotonic_ns() >= silent_at:
            raise ConnectError(f"nothing was heard from {self._label} for {self._silence:g} s")
        return self._talk.events()

    def close(self) -> None:
        """Say good-bye, if there is still somebody to hear it, and end."""
        self._waiting.detach(self._socket)
        self._talk.close()
        with contextlib.suppress(OSError):
            if self._say():
                self._await_end()
        self._socket.close()

    # Inside

    def _say(self) -> bool:
        """Whether there was anything to say. What we say is small, and the kernel has room for hundreds of messages: if
        it has none, nobody reads them."""
        data = self._talk.data_to_send()
        if data and self._socket.send(data) < len(data):
            raise BlockingIOError
        return bool(data)

    def _await_end(self) -> None:
        """Let the device read our good-bye: closing a socket with something unread in it would take it back."""
        self._socket.settimeout(FAREWELL)
        end = time.monotonic() + FAREWELL
        while time.monotonic() < end and self._socket.recv_into(self._buffer):
            pass

    def _read(self) -> None:
        try:
            size = self._socket.recv_into(self._buffer)
        except (BlockingIOError, ssl.SSLWantReadError):
            return  # part of a TLS record
        except OSError as error:
            raise self._lost(error) from None
        if not size:
            raise ConnectError(f"{self._label} ended the connection without a word")
        self.heard = time.monotonic_ns()
        try:
            self._talk.receive_data(self._buffer[:size], self.heard)
        except ProtocolError as error:
            raise ProtocolError(f"{self._label} does not speak as expected: {error}") from None

    def _lost(self, error: OSError) -> ConnectError:
        return ConnectError(f"the connection to {self._label} was lost: {(error.strerror or str(error)).lower()}")
