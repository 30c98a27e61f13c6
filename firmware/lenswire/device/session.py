"""One viewer: its channel, what it may see next, what it asks for. A slow one gets fewer frames and delays nobody."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from lenswire import wire
from lenswire.device.channel import Channel
from lenswire.device.rendition import Plan, Published
from lenswire.ends import DeviceConnection
from lenswire.errors import ProtocolError
from lenswire.legacy import LegacyServer
from lenswire.messages import Close, CloseCode, Command, Message, Result, Watch, Welcome
from lenswire.protocol import State

if TYPE_CHECKING:
    from lenswire.device.server import Server

log = logging.getLogger(__name__)

# From the first four bytes to WELCOME: TLS and three short messages. Five seconds forgive a very bad link.
HANDSHAKE_LIMIT = 5_000_000_000
# A viewer pings every second; ten lost in a row are no accident. (ns)
SILENCE_LIMIT = 10_000_000_000


class Session(ABC):
    """What every viewer has, whatever it speaks. `channel` is set right after construction, before any byte."""

    channel: Channel

    def __init__(self, server: Server, peer: str) -> None:
        self.peer = peer
        self.began = server.now()
        self._server = server
        self._watching = False
        self._shown = 0  # when the newest frame that was sent was captured

    # Frames

    @abstractmethod
    def offer(self, published: Published) -> bool:
        """The frame to send now, unless there is no room: then a newer one is asked for when there is. Returns whether
        there is room for the next one, too."""

    def afterwards(self) -> bool:
        """All have been offered the frame. Returns whether there is room for the next one after all."""
        return False

    def writable(self) -> None:
        self._next()

    def ended(self, reason: str) -> None:
        if self._watching:
            self._watching = False
            self._server.hub.leave(self)
        log.info("= %s left%s", self.peer, f": {reason}" if reason else "")
        self._server.forget(self)

    # For each dialect

    @abstractmethod
    def received(self, data: bytes) -> None:
        """The socket gave these bytes."""

    def check(self, now: int) -> None:
        """Called every second: end what has been silent for too long."""

    def tell(self, status: bytes) -> None:
        """The state of the device has changed; here is its STATUS."""

    def close(self, code: CloseCode, reason: str) -> None:
        """End, saying why where the dialect has words for it."""
        self.channel.close()

    @property
    def _may_send(self) -> bool:
        return True

    # Inside

    def _watch(self, plan: Plan) -> None:
        self._server.hub.watch(self, plan)
        self._watching = True
        self._next()

    def _send(self, published: Published, data: bytes) -> int | None:
        """The frame, as it looks in this dialect; returns what `Channel.begin` does."""
        left = self.channel.begin(data)
        if left is not None:
            self._shown = published.captured
        return left

    def _next(self) -> None:
        if self._watching and self._may_send and not self.channel.busy:
            self._server.hub.wait(self, self._shown)


class NativeSession(Session):
    """A viewer that speaks our protocol."""

    def __init__(self, server: Server, peer: str, connection: DeviceConnection) -> None:
        super().__init__(server, peer)
        self.connection = connection
        self._obeying = False  # what was said
        self._hearing = False  # what lay there

    def offer(self, published: Published) -> bool:
        if published.captured <= self._shown:  # of a rendition that takes longer to make than the one before
            return True
        if not self.connection.credit:  # it was taken back
            return False
        left = self._send(published, published.data)
        return left is not None and self.connection.frame_sent() > 0 and not left

    def afterwards(self) -> bool:
        if self.connection.credit > 0 or self._obeying:
            return False
        self._hearing = True
        self.channel.hear()  # more may lie there
        self._hearing = False
        if self.connection.credit > 0:
            return not self.channel.busy
        self.channel.let_lie(0)
        return False

    def received(self, data: bytes) -> None:
        connection = self.connection
        waiting = connection.credit > 0  # for the next frame, or for room to send it
        try:
            more = connection.receive_data(data, self._server.now())
        except ProtocolError as error:
            log.warning("! %s broke the rules: %s", self.peer, error)
            more = True
        if more:
            self._flush()  # a pong must not wait behind the frame that the same bytes ask for
            self._obeying = True  # what is said next must wait
            for message in connection.events():
                self._handle(message)
            self._obeying = False
        credit = connection.credit
        # While it lasts nobody need wake up for more.
        self.channel.let_lie(wire.CREDIT_SIZE if credit > 1 and not connection.half_read else 0)
        if credit and not waiting and not self._hearing:
            self._next()

    def check(self, now: int) -> None:
        if self.connection.state is not State.OPEN:
            if now - self.began > HANDSHAKE_LIMIT:
                self.close(CloseCode.SILENT, "no complete greeting within 5 s")
        elif now - self.connection.heard > SILENCE_LIMIT:
            self.close(CloseCode.SILENT, "nothing heard for 10 s")

    def tell(self, status: bytes) -> None:
        if self.connection.state is State.OPEN:
            self.channel.send(status)

    def close(self, code: CloseCode, reason: str) -> None:
        self.connection.close(code, reason)
        self._flush()

    def answer(self, result: Result) -> None:
        """The late answer to a command."""
        self._say(result)

    def _handle(self, message: Message) -> None:
        match message:
            case Watch():
                self._watch(Plan(message.width, message.height, message.fps, message.quality))
            case Command():
                if result := self._server.obey(self, message):
                    self._say(result)
            case Welcome():
                self._welcome()
            case Close(code, reason) if code not in (CloseCode.BYE, CloseCode.BROKEN):
                log.info("= %s: %s", self.peer, reason)

    def _welcome(self) -> None:
        name = self.connection.peer.name if self.connection.peer else ""
        self.peer = f"{name} ({self.peer})" if name else self.peer
        if full := self._server.admit(self):
            self.close(CloseCode.FULL, full)
        else:
            log.info("= %s came", self.peer)
            self._say(self._server.status())

    def _say(self, message: Message) -> None:
        if self.connection.state is State.OPEN:
            self.connection.send(message)
            self._flush()

    def _flush(self) -> None:
        if data := self.connection.data_to_send():
            self.channel.send(data)
        if self.connection.closed:
            self.channel.close()

    @property
    def _may_send(self) -> bool:
        return self.connection.credit > 0


class LegacySession(Session):
    """A client of the seed article: one request, then pictures of exactly that size, for ever."""

    def __init__(self, server: Server, peer: str) -> None:
        super().__init__(server, peer)
        self.connection = LegacyServer()

    def offer(self, published: Published) -> bool:
        jpeg = published.jpeg
        return self._send(published, b"".join((self.connection.frame_header(len(jpeg)), jpeg))) == 0

    def received(self, data: bytes) -> None:
        try:
            self.connection.receive_data(data, self._server.now())
        except ProtocolError as error:
            self.channel.abort(str(error))
            return
        for watch in self.connection.events():
            self._admit(watch)

    def check(self, now: int) -> None:
        if not self._watching and now - self.began > HANDSHAKE_LIMIT:
            self.channel.abort("no complete request within 5 s")

    def _admit(self, watch: Watch) -> None:
        if full := self._server.admit(self):
            self.channel.abort(full)
            return
        log.info("= %s came, in the article's dialect: %dx%d", self.peer, watch.width, watch.height)
        self._watch(Plan(watch.width, watch.height, watch.fps, exact=True))
