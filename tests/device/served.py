"""A server and a hub with real sockets; the test is the camera, its viewers speak the protocol on asyncio streams."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from lenswire import wire
from lenswire.device.hub import Hub
from lenswire.device.identity import Identity
from lenswire.device.rendition import Rendition, Source
from lenswire.device.server import Access, Server
from lenswire.ends import ViewerConnection
from lenswire.messages import Command, Message, Result, Status, Verb, Watch

JPEG = b"\xff\xd8" + b"x" * 30_000 + b"\xff\xd9"
LIMIT = 10.0


class Device:
    """A server and a hub; the test is the camera."""

    def __init__(self, access: Access) -> None:
        self.renditions: tuple[Rendition, ...] = ()
        self.hub = Hub(80, self._changed, lambda watched: None)
        self.hub.found(Source(640, 480, 30.0))
        self.server = Server(
            "porch", access, self.hub, lambda: Status("STREAMING", viewers=self.hub.viewers), self._obey
        )
        self.server.listen("127.0.0.1", 0)
        self.port = int(self.server.addresses[0].rsplit(":", 1)[1])
        self.commands: list[Verb] = []
        self.guests: list[Viewer] = []

    def shoot(self) -> None:
        captured = time.monotonic_ns()
        for rendition in self.renditions:
            number = rendition.due(captured)
            if number is not None and rendition.waiting:
                size = (rendition.plan.width, rendition.plan.height)
                rendition.publish(number, captured, captured, captured, size, JPEG)
                rendition.spread()

    def _changed(self, renditions: tuple[Rendition, ...]) -> None:
        self.renditions = renditions

    def _obey(self, session: object, command: Command) -> Result:
        self.commands.append(command.verb)
        return Result(command.number, ok=True, text="done")


class Viewer:
    """The viewer's side of the wire on asyncio streams."""

    def __init__(self, connection: ViewerConnection) -> None:
        self.connection = connection
        self.said: list[Message] = []

    async def connect(self, port: int, tls: bool) -> Viewer:
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        self.flush()
        return self

    def flush(self) -> None:
        self.writer.write(self.connection.data_to_send())

    async def until(self, condition: Callable[[list[Message]], Any]) -> list[Message]:
        """Read until enough has been said; the messages since the last call."""
        async with asyncio.timeout(LIMIT):
            while not condition(self.said):
                data = await self.reader.read(65536)
                assert data, f"the device closed; it said {self.said}"
                self.connection.receive_data(data, time.monotonic_ns())
                self.said += self.connection.events()
                self.flush()
        said, self.said = self.said, []
        return said

    async def watch(self, watch: Watch, window: int = 2) -> None:
        self.connection.send(watch)
        self.connection.grant(window)
        self.flush()

    def close(self) -> None:
        self.writer.transport.abort()


def named(kind: type[Message]) -> Callable[[list[Message]], bool]:
    return lambda said: any(isinstance(message, kind) for message in said)


def access(identity: Identity, **changes: Any) -> Access:
    settings = {"key_needed": False, **changes}
    return Access(identity.tls(), identity.fingerprint, identity.key, **settings)


@contextlib.asynccontextmanager
async def device(identity: Identity, **changes: Any) -> AsyncIterator[Device]:
    device = Device(access(identity, **changes))
    try:
        yield device
    finally:
        device.server.close("the test is over")
        for guest in device.guests:
            guest.close()
        await asyncio.sleep(0.01)


async def viewer(device: Device, identity: Identity | None = None, **changes: Any) -> Viewer:
    """A viewer that has said hello; with an identity it uses TLS and the key."""
    settings = {"key": identity.key, "fingerprint": identity.fingerprint} if identity else {}
    connection = ViewerConnection("kitchen", os.urandom(32), **{**settings, **changes})
    guest = Viewer(connection)
    device.guests.append(guest)
    return await guest.connect(device.port, tls=identity is not None)


def kinds(data: bytes) -> list[int]:
    """The kinds of the messages in a stream of bytes."""
    found = []
    while data:
        header = wire.decode_header(data)
        found.append(header.kind)
        data = data[wire.HEADER.size + header.length :]
    return found


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))
