"""The law of age over HTTP: who reads slowly gets fewer pictures and no older ones, and fifty at once get them all."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from statistics import median

from real_device import LIMIT, Serve
from test_law_of_age import SlowLink, watched
from web import captured, decoded, serve_web

from eventually import until

SECONDS = 6.0


class Reader:
    """What a viewer of /stream.mjpg receives: when each picture was captured by its headers and by its own stamp, and
    when it had come."""

    def __init__(self, key: str = "") -> None:
        self.key = key
        self.pictures: list[tuple[float, float, bytes]] = []  # captured, received, the JPEG

    async def read(self, port: int, seconds: float, begun: asyncio.Barrier | None = None) -> None:
        context = None
        if self.key:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, limit=1 << 16)
        password = base64.b64encode(f"anybody:{self.key}".encode()).decode()
        writer.write(
            f"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {password}\r\n\r\n".encode()
        )
        assert b" 200 " in await reader.readline()
        await reader.readuntil(b"\r\n\r\n")
        if begun:
            await begun.wait()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(line.split(": ") for line in head.splitlines() if ": " in line)
            jpeg = await reader.readexactly(int(fields["Content-Length"]))
            self.pictures.append((float(fields["X-Captured"]), time.monotonic(), jpeg))
        writer.transport.abort()


def ages(reader: Reader) -> list[float]:
    return [received - captured for captured, received, _ in reader.pictures]


def test_a_slow_reader_sees_fresh_pictures_and_slows_nobody(serve: Serve) -> None:
    plain, keyed = serve_web(serve), serve_web(serve, host="0.0.0.0")
    readers = Reader(), Reader(keyed[0].link().partition("//")[2].partition("@")[0])
    stream, frames = watched(plain[0].target)
    try:
        until(lambda: len(frames) > 30, "a second of pictures")
        size = median(len(received.frame.jpeg) for received in frames)
        before = len(frames)
        links = []
        for device, web in (plain, keyed):
            device.port = int(web.rpartition(":")[2])  # the slow link leads to HTTP
            links.append(SlowLink(device, rate=3 * size))

        async def test() -> None:
            await asyncio.gather(
                *(reader.read(link.port, SECONDS) for reader, link in zip(readers, links, strict=True))
            )

        asyncio.run(asyncio.wait_for(test(), LIMIT))
        assert len(frames) - before > 0.9 * 30 * SECONDS
    finally:
        stream.stop()
    for reader in readers:
        # The headers tell what the pictures themselves say.
        for told, _, jpeg in reader.pictures:
            assert abs(told - (captured(decoded(jpeg)) or 0)) < 0.001
        # A picture takes a third of a second on this link; the first have found empty buffers, and filled them.
        settled = ages(reader)[3:]
        assert 6 < len(settled) < 30
        assert median(settled) < 0.8
        assert max(settled) < 1.2


def test_fifty_at_once(serve: Serve) -> None:
    device, web = serve_web(serve)
    readers = [Reader() for _ in range(50)]

    async def test() -> None:
        begun = asyncio.Barrier(len(readers))
        port = int(web.rpartition(":")[2])
        await asyncio.gather(*(reader.read(port, 2.0, begun) for reader in readers))

    asyncio.run(asyncio.wait_for(test(), LIMIT))
    assert all(len(reader.pictures) > 40 for reader in readers), [len(reader.pictures) for reader in readers]
    assert median(age for reader in readers for age in ages(reader)) < 0.1
    until(lambda: device.status()["viewers"] == 0, "all to have left")
    assert device.status()["renditions"] == []
