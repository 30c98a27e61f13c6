"""One connection, without its socket: handshake, proof of the key, credit, ping, close. The same class at both ends.

    receive_data(bytes)  ->  events()            what the peer said
    send(message)        ->  data_to_send()      what to write to the socket

No clock, no I/O: `now` is passed in, CLOCK_MONOTONIC in ns. After a CLOSE, either way, nothing more is heard or said.
"""

from __future__ import annotations

import enum
import hashlib
import hmac

from lenswire import wire
from lenswire.errors import LocalProtocolError, ProtocolError
from lenswire.messages import (
    VERSIONS,
    Close,
    CloseCode,
    Credit,
    Frame,
    Hello,
    Kind,
    Message,
    Ping,
    Pong,
    Proof,
    Welcome,
)


class Role(enum.Enum):
    DEVICE = "device"
    VIEWER = "viewer"


class State(enum.Enum):
    GREETING = "greeting"  # our HELLO is on its way; theirs has not come
    PROVING = "proving"  # device: their PROOF has not come. viewer: ours is on its way, no WELCOME yet
    OPEN = "open"  # everything is allowed
    CLOSED = "closed"  # a CLOSE was sent or received, or the peer broke the rules


_TALK = {Kind.PING, Kind.PONG, Kind.CLOSE}
# What may come in, by who we are and where we stand. A kind that is not here is refused before its payload is stored.
EXPECTED: dict[tuple[Role, State], set[Kind]] = {
    (Role.DEVICE, State.GREETING): {Kind.HELLO, Kind.CLOSE},
    (Role.DEVICE, State.PROVING): {Kind.PROOF, Kind.CLOSE},
    (Role.DEVICE, State.OPEN): {Kind.WATCH, Kind.CREDIT, Kind.COMMAND} | _TALK,
    (Role.VIEWER, State.GREETING): {Kind.HELLO, Kind.CLOSE},
    (Role.VIEWER, State.PROVING): {Kind.WELCOME, Kind.CLOSE},
    (Role.VIEWER, State.OPEN): {Kind.FRAME, Kind.STATUS, Kind.RESULT} | _TALK,
}

KEY_NEEDED = "this device wants its key: run 'lenswire pair' on it, then 'lenswire cameras add LINK --name NAME' here"
WRONG_KEY = "wrong key: the link is not this device's, or the device has made a new one (run 'lenswire pair' on it)"


def proof(key: bytes, fingerprint: bytes, device_nonce: bytes, viewer_nonce: bytes) -> bytes:
    """What only a holder of the key can say, about this certificate, in this connection: 32 bytes.

    fingerprint is the SHA-256 of the certificate that the viewer saw, so that a proof made to a man in the middle, who
    shows a certificate of his own, is worth nothing at the device. The nonces make a recorded proof worth nothing.
    """
    said = b"lenswire proof 1\0" + fingerprint + device_nonce + viewer_nonce
    return hmac.new(key, said, hashlib.sha256).digest()


class Connection:
    """Both ends of the wire. key: 32 bytes or None. fingerprint: of the certificate in use; empty without TLS.

    Device: key_needed asks every viewer for a proof. Viewer: gives one when asked, if it has a key."""

    def __init__(
        self,
        role: Role,
        name: str,
        nonce: bytes,
        *,
        key: bytes | None = None,
        fingerprint: bytes = b"",
        key_needed: bool = False,
        versions: tuple[int, int] = VERSIONS,
    ) -> None:
        self.role = role
        self.version = versions[1]
        self._turn(State.GREETING)
        self.peer: Hello | None = None
        self.may_command = False
        self.heard = 0  # when the peer last said anything
        self.frames_sent = self.frames_received = 0
        self.credit = 0  # device: how many frames may be sent now
        self._key, self._fingerprint = key, fingerprint
        self._hello = Hello(*versions, name, nonce, key_needed and role is Role.DEVICE)
        self._in, self._out = bytearray(), bytearray()
        self._events: list[Message] = []
        self._skip = 0  # bytes of an optional message still to be passed over
        if role is Role.VIEWER:  # the viewer speaks first: the device tells dialects apart by the first bytes
            self._say(self._hello)

    # Receiving

    def receive_data(self, data: bytes | bytearray | memoryview, now: int) -> bool:
        """Take in what the socket gave; returns whether there may be anything in events() or data_to_send(). Raises
        ProtocolError, and nothing else, if the peer broke the rules; the CLOSE that says so is in data_to_send()."""
        if self.state is State.CLOSED:
            return False
        self.heard = now
        try:
            if not self._in and (credit := wire.lone_credit(data, self._credit_mark)):
                self._allow(*credit)
                return False
            self._in += data
            while self._in and (message := self._next_message()):
                self._receive(message, now)
        except ProtocolError as error:
            self.close(CloseCode.BROKEN, str(error))
            raise
        return True

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

    # Credit

    def frame_sent(self) -> int:
        """Device: one frame, encoded for this version, was handed to the socket; returns how many more may be."""
        if not self.credit:
            raise LocalProtocolError("a frame was sent without credit")
        self.credit -= 1
        self.frames_sent += 1
        return self.credit

    def grant(self, window: int) -> None:
        """Viewer: say what has been received, and let `window` more frames be in flight."""
        self.send(Credit(self.frames_received, window))

    # Inside

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
            raise ProtocolError(f"a {self.role.value} does not expect {what} while {self.state.value}")
        expected = 0 if header.kind in wire.UNVERSIONED else self.version
        if header.version != expected:
            raise ProtocolError(f"{wire.kind_name(header.kind)}: expected version {expected}, got {header.version}")

    def _receive(self, message: Message, now: int) -> None:
        match message:
            case Credit():
                self._allow(message.received, message.window)
            case Ping():
                self._say(Pong(message.time, now))
            case Hello():
                self._receive_hello(message)
            case Proof():
                self._receive_proof(message)
            case Welcome():
                self._open(message)
            case Close():
                self._end(message)
            case _:
                self.frames_received += isinstance(message, Frame)
                self._events.append(message)

    def _allow(self, received: int, window: int) -> None:
        in_flight = (self.frames_sent - received) & 0xFFFFFFFF
        if in_flight >= 1 << 31:
            raise ProtocolError(f"credit: {received} frames received, but {self.frames_sent} were sent")
        self.credit = max(0, window - in_flight)

    def _receive_hello(self, hello: Hello) -> None:
        self.peer, ours = hello, self._hello
        if self.role is Role.DEVICE:
            self._say(ours)
        version = min(ours.highest, hello.highest)
        if version < max(ours.lowest, hello.lowest):
            self.close(
                CloseCode.VERSION,
                f"no protocol version in common: the {self.role.value} speaks {ours.lowest} to {ours.highest}, "
                f"the other side {hello.lowest} to {hello.highest}; update the older one",
            )
            return
        self.version = version
        self._turn(State.PROVING)
        device = ours if self.role is Role.DEVICE else hello
        if not device.key_needed:  # nothing to prove: WELCOME follows the device's HELLO at once
            if self.role is Role.DEVICE:
                self._welcome()
        elif not (self._key and self._fingerprint):
            self.close(CloseCode.KEY_NEEDED, KEY_NEEDED)
        elif self.role is Role.VIEWER:
            self._say(Proof(self._proof()))

    def _receive_proof(self, message: Proof) -> None:
        if hmac.compare_digest(message.mac, self._proof()):
            self._welcome()
        else:
            self.close(CloseCode.KEY, WRONG_KEY)

    def _proof(self) -> bytes:
        ours, theirs = self._hello, self.peer
        if theirs is None or self._key is None:
            raise LocalProtocolError("no proof before both sides have said hello")
        device, viewer = (ours, theirs) if self.role is Role.DEVICE else (theirs, ours)
        return proof(self._key, self._fingerprint, device.nonce, viewer.nonce)

    def _welcome(self) -> None:
        self._say(welcome := Welcome())
        self._open(welcome)

    def _open(self, welcome: Welcome) -> None:
        self._turn(State.OPEN)
        self.may_command = welcome.may_command
        self._events.append(welcome)

    def _say(self, message: Message) -> None:
        self._out += wire.encode(message, self.version)

    def _turn(self, state: State) -> None:
        self.state = state
        self._expected = EXPECTED.get((self.role, state), set())
        self._credit_mark = wire.credit_mark(self.version) if Kind.CREDIT in self._expected else b""

    def _end(self, closing: Close) -> None:
        self._turn(State.CLOSED)
        self.credit = 0
        self._in.clear()
        self._events.append(closing)
