"""The HTTP face with real sockets and real TLS: what strangers get, and what they may cost."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest
from faced import LIMIT, Face, face
from served import JPEG, named, run, viewer

from lenswire.device.identity import Identity
from lenswire.device.web import server
from lenswire.messages import Watch, Welcome


def test_a_stranger_gets_401_and_nothing_else(identity: Identity) -> None:
    async def test() -> None:
        async with face(identity, keyed=True) as porch:
            answers = set()
            for path in ("/", "/stream.mjpg", "/snapshot.jpg", "/status.json", "/metrics", "/healthz", "/nowhere"):
                for method in ("GET", "POST", "HEAD", "OPTIONS"):
                    status, head, body = await porch.ask(path, method, key="", Origin="http://evil.example")
                    assert (status, body) == (401, b"")
                    names = sorted(line.partition(b":")[0] for line in head.split(b"\r\n")[1:])
                    assert names in (
                        [b"Connection", b"Content-Length", b"Date", b"WWW-Authenticate", b"WWW-Authenticate"],
                        [b"Connection", b"Date", b"WWW-Authenticate", b"WWW-Authenticate"],  # HEAD
                    )
                    answers.add(head.partition(b"Date")[0])
            assert not any(word in b"".join(answers).lower() for word in (b"lenswire", b"porch", b"python", b"aiohttp"))
            assert porch.orders == []

    run(test)


def test_wrong_keys_are_answered_slowly_and_said_once(identity: Identity, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with face(identity, keyed=True) as porch:
            begin = time.monotonic()
            told = await asyncio.gather(*(porch.ask("/", key=f"{number:064}") for number in range(9)))
            assert {status for status, _, _ in told} == {401}
            assert time.monotonic() - begin > 1.0
            assert (await porch.ask("/"))[0] == 200

    with caplog.at_level(logging.WARNING):
        run(test)
    lines = [record.message for record in caplog.records if "wrong key" in record.message]
    assert len(lines) == 1
    assert "from 127.0.0.1:" in lines[0]


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n",
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(9999)) + b"\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
@pytest.mark.parametrize("keyed", [False, True])
def test_what_is_no_request_gets_no_answer(identity: Identity, raw: bytes, keyed: bool) -> None:
    async def test() -> None:
        async with face(identity, keyed) as porch:
            assert await porch.say(raw) == b""
            assert (await porch.ask("/status.json"))[0] == 200

    run(test)


def test_over_plain_http_a_keyed_device_only_says_where_to_go(identity: Identity) -> None:
    async def test() -> None:
        async with face(identity, keyed=True) as porch:
            answer = await porch.say(b"GET /metrics HTTP/1.1\r\nHost: porch.local:8881\r\n\r\n", tls=False)
            assert answer.startswith(b"HTTP/1.1 308 ")
            assert b"\r\nLocation: https://porch.local:8881/\r\n" in answer
            assert answer.endswith(b"\r\n\r\n")
            nameless = await porch.say(b"GET /metrics HTTP/1.0\r\n\r\n", tls=False)
            assert nameless.startswith(b"HTTP/1.0 400 ")
            assert b"Location" not in nameless

    run(test)


def test_who_dawdles_is_shown_out(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE_LIMIT", 300_000_000)

    async def dawdle(porch: Face, said: bytes) -> bytes:
        reader, writer = await porch.connect()
        for byte in said:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.01)
        answer = await reader.read()
        writer.close()
        return answer

    async def test() -> None:
        async with face(identity) as porch, asyncio.timeout(LIMIT):
            half = (b"GET / HTTP/1.1\r\nHost: loc", b"GET / ", b"\x16\x03\x01\x00")
            assert await asyncio.gather(*(dawdle(porch, said) for said in half)) == [b"", b"", b""]

    run(test)


def test_no_request_has_a_body_and_too_many_at_once_end_the_connection(identity: Identity) -> None:
    async def test() -> None:
        async with face(identity) as porch:
            status, _, _ = await porch.ask("/start", "POST", **{"Content-Length": "9"})
            assert (status, porch.orders) == (413, [])
            answer = await porch.say(b"GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3000)
            assert answer.count(b"HTTP/1.1 200") < 100

    run(test)


def test_there_are_only_so_many_connections(identity: Identity) -> None:
    async def test() -> None:
        async with face(identity, max_viewers=2) as porch:
            held = [await porch.connect() for _ in range(4)]
            for _, writer in held:
                writer.write(b"GET ")
            await asyncio.sleep(0.1)
            assert await porch.say(b"GET / HTTP/1.1\r\n\r\n") == b""
            for _, writer in held:
                writer.transport.abort()

    run(test)


def test_places_are_shared_with_those_who_speak_the_protocol(identity: Identity) -> None:
    async def test() -> None:
        async with face(identity, max_viewers=1) as porch:
            eye = await viewer(porch.porch)
            await eye.until(named(Welcome))
            await eye.watch(Watch())
            for path in ("/stream.mjpg", "/snapshot.jpg"):
                status, head, body = await porch.ask(path)
                assert (status, body) == (503, b"porch serves at most 1 viewers at once, and they are all here\n")
                assert b"Retry-After: 10" in head
            eye.close()
            while porch.porch.hub.viewers:
                await asyncio.sleep(0.01)
            status, _, body = await porch.shooting(asyncio.ensure_future(porch.ask("/snapshot.jpg")))
            assert (status, body) == (200, JPEG)

    run(test)
