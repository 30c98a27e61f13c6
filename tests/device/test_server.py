"""The server with real sockets and real TLS: who gets in, who does not and why, and what strangers can do."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import Any

import pytest
from served import JPEG, LIMIT, device, named, run, viewer

from lenswire.device.identity import Identity
from lenswire.messages import Close, CloseCode, Frame, Status, Watch, Welcome


@pytest.mark.parametrize("keyed", [False, True])
def test_who_may_gets_in_and_gets_pictures(identity: Identity, keyed: bool) -> None:
    async def test() -> None:
        async with device(identity, key_needed=keyed) as porch:
            eye = await viewer(porch, identity if keyed else None)
            said = await eye.until(named(Status))
            assert [type(message) for message in said] == [Welcome, Status]
            await eye.watch(Watch(320, 240))
            while not porch.renditions:
                await asyncio.sleep(0.01)
            porch.shoot()
            frame = (await eye.until(named(Frame)))[-1]
            assert isinstance(frame, Frame)
            assert (frame.width, frame.height, bytes(frame.jpeg)) == (320, 240, JPEG)

    run(test)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": b"x" * 32}, CloseCode.KEY),
        ({"fingerprint": b"x" * 32}, CloseCode.KEY),  # a man in the middle showed another certificate
        ({"key": None}, CloseCode.KEY_NEEDED),
        ({"versions": (7, 9)}, CloseCode.VERSION),
    ],
)
def test_who_may_not_is_told_why(identity: Identity, changes: dict[str, Any], code: CloseCode) -> None:
    async def test() -> None:
        async with device(identity, key_needed=True) as porch:
            eye = await viewer(porch, identity, **changes)
            closing = (await eye.until(named(Close)))[-1]
            assert isinstance(closing, Close)
            assert closing.code == code
            assert len(closing.reason) > 20

    run(test)


def test_without_tls_a_keyed_device_says_what_it_wants(identity: Identity) -> None:
    async def test() -> None:
        async with device(identity, key_needed=True) as porch:
            closing = (await (await viewer(porch)).until(named(Close)))[-1]
            assert isinstance(closing, Close)
            assert (closing.code, "lenswire pair" in closing.reason) == (CloseCode.KEY_NEEDED, True)

    run(test)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 64,
        b"LENS" + b"\xff" * 200,
        struct.pack(">4sBBHIQI", b"LENS", 0, 1, 0, 0, 0, 0xFFFFFFFF),  # a length of 4 GiB
        b"\x16\x03\x01\x02\x00garbage that is not TLS" * 30,
        struct.pack("<lhh", 888 + 15, 640, 480),  # the article's dialect, which is off
    ],
)
def test_garbage_ends_its_own_connection_and_no_other(identity: Identity, garbage: bytes) -> None:
    async def test() -> None:
        async with device(identity) as porch:
            eye = await viewer(porch)
            await eye.until(named(Status))
            reader, writer = await asyncio.open_connection("127.0.0.1", porch.port)
            writer.write(garbage)
            with contextlib.suppress(ConnectionResetError):  # an article client is hung up on without a word
                answer = await asyncio.wait_for(reader.read(), LIMIT)
                assert len(answer) < 2000
            writer.close()
            await eye.watch(Watch())
            while not porch.renditions:
                await asyncio.sleep(0.01)
            porch.shoot()
            await eye.until(named(Frame))

    run(test)


def test_a_half_open_peer_is_let_go(identity: Identity) -> None:
    async def test() -> None:
        async with device(identity) as porch:
            porch.server._sniff_limit = 0.1
            reader, writer = await asyncio.open_connection("127.0.0.1", porch.port)
            writer.write(b"LE")
            with contextlib.suppress(ConnectionResetError):  # two bytes of ours were never read
                assert await asyncio.wait_for(reader.read(), LIMIT) == b""
            writer.close()

    run(test)


def test_a_silent_viewer_is_told_and_let_go(identity: Identity) -> None:
    async def test() -> None:
        async with device(identity) as porch:
            eye = await viewer(porch)
            await eye.until(named(Status))
            real = porch.server.now
            porch.server.now = lambda: real() + 11 * 10**9
            closing = (await eye.until(named(Close)))[-1]
            assert isinstance(closing, Close)
            assert closing.code == CloseCode.SILENT

    run(test)


def test_a_full_house_says_so(identity: Identity) -> None:
    async def test() -> None:
        async with device(identity, max_viewers=1) as porch:
            first = await viewer(porch)
            await first.until(named(Status))
            closing = (await (await viewer(porch)).until(named(Close)))[-1]
            assert isinstance(closing, Close)
            assert (closing.code, "at most 1" in closing.reason) == (CloseCode.FULL, True)

    run(test)
