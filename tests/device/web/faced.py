"""The HTTP face of a device, on real sockets, over real TLS if it has a key."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any

from served import Device, device

from lenswire.device import web
from lenswire.device.identity import Identity
from lenswire.device.web import Counters
from lenswire.messages import Status, Verb

LIMIT = 10.0


class Face:
    """The HTTP face of a device whose camera the test is."""

    def __init__(self, porch: Device, key_needed: bool) -> None:
        self.porch, self.keyed = porch, key_needed
        self.key = porch.server.access.key.hex() if key_needed else ""
        self.orders: list[Verb] = []
        self.state = Status("STREAMING", viewers=1)
        porch.server.status = lambda: self.state
        told = web.Device(self._order, self._keep, lambda: self.counters)
        self.counters = Counters(newest=time.monotonic_ns())
        self.web = web.open_web(porch.server, told, key_needed=key_needed, local=not key_needed)
        self.web.listen("127.0.0.1", 0)
        self.port = int(self.web.addresses[0].rpartition(":")[2])

    async def connect(self, tls: bool | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = None
        if self.keyed if tls is None else tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=context)

    async def say(self, raw: bytes, tls: bool | None = None) -> bytes:
        """All that is answered until the connection ends."""
        async with asyncio.timeout(LIMIT):
            reader, writer = await self.connect(tls)
            writer.write(raw)
            with contextlib.suppress(ConnectionError):
                answer = await reader.read()
            writer.transport.abort()
            return answer

    async def ask(
        self, path: str, method: str = "GET", key: str | None = None, **headers: str
    ) -> tuple[int, bytes, bytes]:
        """Status, head and body."""
        told = {"Host": "localhost", "Connection": "close", **headers}
        if key := self.key if key is None else key:
            told["Authorization"] = f"Bearer {key}"
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        answer = await self.say(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())
        head_, _, body = answer.partition(b"\r\n\r\n")
        return int(head_.split()[1]), head_, body

    async def shooting(self, asked: asyncio.Task[Any]) -> Any:
        """The camera runs until this is answered."""
        while not asked.done():
            self.porch.shoot()
            await asyncio.sleep(0.01)
        return asked.result()

    def _order(self, by: str, verb: Verb) -> str:
        self.orders.append(verb)
        return "STOPPED"

    async def _keep(self, by: str) -> tuple[bool, str]:
        return False, "the disk is full"


@contextlib.asynccontextmanager
async def face(identity: Identity, keyed: bool = False, **changes: Any) -> AsyncIterator[Face]:
    async with device(identity, **changes) as porch:
        face = Face(porch, keyed)
        try:
            yield face
        finally:
            await face.web.stop("")
