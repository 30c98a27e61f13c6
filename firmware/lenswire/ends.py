"""The two ends of a connection: what each says, expects and counts on top of `protocol.Connection`."""

from __future__ import annotations

import hmac
from typing import ClassVar

from lenswire import wire
from lenswire.errors import LocalProtocolError, ProtocolError
from lenswire.messages import VERSIONS, Close, CloseCode, Credit, Frame, Hello, Kind, Message, Pong, Proof, Welcome
from lenswire.protocol import TALK, Connection, State

WRONG_KEY = "wrong key: the link is not this device's, or the device has made a new one (run 'lenswire pair' on it)"


class DeviceConnection(Connection):
    """Proof is asked for if key_needed, and frames are sent as credit allows."""

    role: ClassVar = "device"
    expected: ClassVar = {
        State.GREETING: {Kind.HELLO, Kind.CLOSE},
        State.PROVING: {Kind.PROOF, Kind.CLOSE},
        State.OPEN: {Kind.WATCH, Kind.CREDIT, Kind.COMMAND} | TALK,
    }

    def __init__(
        self,
        name: str,
        nonce: bytes,
        *,
        key: bytes | None = None,
        fingerprint: bytes = b"",
        key_needed: bool = False,
        versions: tuple[int, int] = VERSIONS,
    ) -> None:
        self.credit = 0  # how many frames may be sent now
        self.frames_sent = 0
        self._awaited = b""  # the proof that would be right
        super().__init__(Hello(*versions, name, nonce, key_needed), key, fingerprint)

    def frame_sent(self) -> int:
        """One frame, encoded for this version, was handed to the socket; returns how many more may be."""
        if not (credit := self.credit):
            raise LocalProtocolError("a frame was sent without credit")
        self.credit = credit = credit - 1
        self.frames_sent += 1
        return credit

    # Inside

    def _hear(self, data: bytes | bytearray | memoryview, now: int) -> bool:
        if self.half_read:
            return super()._hear(data, now)
        if credit := wire.leading_credit(data, self._credit_mark):
            self._allow(*credit)
            if len(data) == wire.CREDIT_SIZE:
                return False
            data = data[wire.CREDIT_SIZE :]
        if (time := wire.lone_ping(data, self._ping_mark)) is None:
            return super()._hear(data, now)
        self._say(Pong(time, now))
        return True

    def _receive(self, message: Message, now: int) -> None:
        match message:
            case Credit():
                self._allow(message.received, message.window)
            case Hello():
                self._say(self._hello)
                super()._receive(message, now)
            case Proof():
                if hmac.compare_digest(message.mac, self._awaited):
                    self._welcome()
                else:
                    self.close(CloseCode.KEY, WRONG_KEY)
            case _:
                super()._receive(message, now)

    def _greeted(self, hello: Hello) -> None:
        if self._hello.key_needed:
            self._awaited = self._proof(self._hello, hello)
        else:
            self._welcome()

    def _welcome(self) -> None:
        self._say(welcome := Welcome())
        self._open(welcome)

    def _allow(self, received: int, window: int) -> None:
        in_flight = (self.frames_sent - received) & 0xFFFFFFFF
        if in_flight >= 1 << 31:
            raise ProtocolError(f"credit: {received} frames received, but {self.frames_sent} were sent")
        self.credit = max(0, window - in_flight)

    def _turn(self, state: State) -> None:
        super()._turn(state)
        is_open = state is State.OPEN
        self._credit_mark = wire.mark_of(Kind.CREDIT, self.version) if is_open else b""
        self._ping_mark = wire.mark_of(Kind.PING, self.version) if is_open else b""

    def _end(self, closing: Close) -> None:
        super()._end(closing)
        self.credit = 0


class ViewerConnection(Connection):
    """Speaks first: the device tells dialects apart by the first bytes. Gives a proof when asked, if it has a key."""

    role: ClassVar = "viewer"
    expected: ClassVar = {
        State.GREETING: {Kind.HELLO, Kind.CLOSE},
        State.PROVING: {Kind.WELCOME, Kind.CLOSE},
        State.OPEN: {Kind.FRAME, Kind.STATUS, Kind.RESULT} | TALK,
    }

    def __init__(
        self,
        name: str,
        nonce: bytes,
        *,
        key: bytes | None = None,
        fingerprint: bytes = b"",
        versions: tuple[int, int] = VERSIONS,
    ) -> None:
        self.may_command = False
        self.frames_received = 0
        super().__init__(Hello(*versions, name, nonce, key_needed=False), key, fingerprint)
        self._say(self._hello)

    def grant(self, window: int) -> None:
        """Say what has been received, and let `window` more frames be in flight."""
        self.send(Credit(self.frames_received, window))

    # Inside

    def _receive(self, message: Message, now: int) -> None:
        match message:
            case Frame():
                self.frames_received += 1
                self._events.append(message)
            case Welcome():
                self.may_command = message.may_command
                self._open(message)
            case _:
                super()._receive(message, now)

    def _greeted(self, hello: Hello) -> None:
        if hello.key_needed and (mac := self._proof(hello, self._hello)):
            self._say(Proof(mac))
