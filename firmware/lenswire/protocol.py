"""One connection, without its socket: handshake, ping, close. What the two ends have of their own is in `ends`.

    receive_data(bytes)  ->  events()            what the peer said
    send(message)        ->  data_to_send()      what to write to the socket

No clock, no I/O: `now` is passed in, CLOCK_MONOTONIC in ns. After a CLOSE, either way, nothing more is heard or said.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
from abc import ABC, abstractmethod
from typing import ClassVar

from lenswire import wire
from lenswire.errors import LocalProtocolError, ProtocolError
from lenswire.messages import Close, CloseCode, Hello, Kind, Message, Ping, Pong, Welcome


class State(enum.Enum):
    GREETING = "greeting"  # our HELLO is on its way; theirs has not come
    PROVING = "proving"  # device: their PROOF has not come. viewer: ours is on its way, no WELCOME yet
    OPEN = "open"  # everything is allowed
    CLOSED = "closed"  # a CLOSE was sent or received, or the peer broke the rules


TALK = {Kind.PING, Kind.PONG, Kind.CLOSE}

KEY_NEEDED = "this device wants its key: run 'lenswire pair' on it, then 'lenswire cameras add LINK --name NAME' here"


def proof(key: bytes, fingerprint: bytes, device_nonce: bytes, viewer_nonce: bytes) -> bytes:
    """What only a holder of the key can say, about this certificate, in this connection: 32 bytes.

    fingerprint is the SHA-256 of the certificate that the viewer saw, so that a proof made to a man in the middle, who
    shows a certificate of his own, is worth nothing at the device. The nonces make a recorded proof worth nothing.
    """
    said = b"lenswire proof 1\0" + fingerprint + device_nonce + viewer_nonce
    return hmac.new(key, said, hashlib.sha256).digest()


class Connection(ABC):
    """What both ends do alike. key: 32 bytes or None. fingerprint: of the certificate in use; empty without TLS."""

    role: ClassVar[str]  # who we are, in words
    expected: ClassVar[dict[State, set[Kind]]]  # what may come in; all else is refused before its payload is stored

    def __init__(self, hello: Hello, key: bytes | None, fingerprint: bytes) -> None:
        self.version = hello.highest
        self.peer: Hello | None = None
        self.heard = 0  # when the peer last said anything
        self._hello = hello
        self._key, self._fingerprint = key, fingerprint
        self._in, self._out = bytearray(), bytearray()
        self._events: list[Message] = []
        self._skip = 0  # bytes of an optional message still to be passed over
        self._turn(State.GREETING)

    # Receiving

    def receive_data(self, data: bytes | bytearray | memoryview, now: int) -> bool:
        """Take in what the socket gave; returns whether there may be anything in events() or data_to_send(). Raises
        ProtocolError, and nothing else, if the peer broke the rules; the CLOSE that says so is in data_to_send()."""
        if self.state is State.CLOSED:
            return False
        self.heard = now
        try:
            return self._hear(data, now)
        except ProtocolError as error:
            self.close(CloseCode.BROKEN, str(error))
            raise

    def events(self) -> list[Message]:
        """What has come in since the last call, in order: Welcome once the connection is open, and Close at its end,
        at both ends (from whoever closed). Credit, Ping, Hello and Proof are dealt with here."""
        events, self._events = self._events, []
        return events

    # Sending

    def send(self, message: Message) -> None:
        """Queue a message for data_to_send(). Raises LocalProtocolError unless the connection is open."""
        if self.state is not State.OPEN:
            raise LocalProtocolError(f"cannot send {type(message).__name__} while {self.state.value}")
        self._say(message)

    def close(self, code: CloseCode = CloseCode.BYE, reason: str = "") -> None:
        """Say why and end: nothing more is heard or said. Again is no error."""
        if not self.closed:
            self._say(closing := Close(code, reason))
            self._end(closing)

    def data_to_send(self) -> bytes:
        """The bytes to write next, in order; empty if there are none."""
        data, self._out = bytes(self._out), bytearray()
        return data

    @property
    def closed(self) -> bool:
        return self.state is State.CLOSED

    @property
    def half_read(self) -> bool:
        """A message has begun, and its end has not come."""
        return bool(self._in or self._skip)

    # Inside

    def _hear(self, data: bytes | bytearray | memoryview, now: int) -> bool:
        self._in += data
        while self._in and (message := self._next_message()):
            self._receive(message, now)
        return True

    def _next_message(self) -> Message | None:
        while not self.closed:
            if self._skip:
                passed = min(self._skip, len(self._in))
                self._skip -= passed
                del self._in[:passed]
            if len(self._in) < wire.HEADER.size:
                wire.check_magic(self._in)
                return None
            header = wire.decode_header(self._in)
            self._check(header)
            if header.kind >= wire.FIRST_OPTIONAL_KIND:
                self._skip = wire.HEADER.size + header.length
                continue
            end = wire.HEADER.size + header.length
            if len(self._in) < end:
                return None
            with memoryview(self._in) as view:
                payload = bytes(view[wire.HEADER.size : end])
            del self._in[:end]
            return wire.decode(header, payload if header.kind != Kind.FRAME else memoryview(payload))
        return None

    def _check(self, header: wire.Header) -> None:
        optional = header.kind >= wire.FIRST_OPTIONAL_KIND and self.state is State.OPEN
        if header.kind not in self._expected and not optional:
            what = wire.kind_name(header.kind)
            raise ProtocolError(f"a {self.role} does not expect {what} while {self.state.value}")
        expected = 0 if header.kind in wire.UNVERSIONED else self.version
        if header.version != expected:
            raise ProtocolError(f"{wire.kind_name(header.kind)}: expected version {expected}, got {header.version}")

    def _receive(self, message: Message, now: int) -> None:
        match message:
            case Ping():
                self._say(Pong(message.time, now))
            case Hello():
                self._receive_hello(message)
            case Close():
                self._end(message)
            case _:
                self._events.append(message)

    def _receive_hello(self, hello: Hello) -> None:
        self.peer, ours = hello, self._hello
        version = min(ours.highest, hello.highest)
        if version < max(ours.lowest, hello.lowest):
            self.close(
                CloseCode.VERSION,
                f"no protocol version in common: the {self.role} speaks {ours.lowest} to {ours.highest}, "
                f"the other side {hello.lowest} to {hello.highest}; update the older one",
            )
            return
        self.version = version
        self._turn(State.PROVING)
        self._greeted(hello)

    @abstractmethod
    def _greeted(self, hello: Hello) -> None:
        """Both have said hello, and speak a version in common."""

    def _proof(self, device: Hello, viewer: Hello) -> bytes:
        """Empty, and the connection is closed, where nothing can be proved: without a key, or without TLS."""
        if not (self._key and self._fingerprint):
            self.close(CloseCode.KEY_NEEDED, KEY_NEEDED)
            return b""
        return proof(self._key, self._fingerprint, device.nonce, viewer.nonce)

    def _open(self, welcome: Welcome) -> None:
        self._turn(State.OPEN)
        self._events.append(welcome)

    def _say(self, message: Message) -> None:
        self._out += wire.encode(message, self.version)

    def _turn(self, state: State) -> None:
        self.state = state
        self._expected = self.expected.get(state, set())

    def _end(self, closing: Close) -> None:
        self._turn(State.CLOSED)
        self._in.clear()
        self._events.append(closing)
