"""The HTTP face with real sockets and real TLS: what strangers get, what may be asked, and what it may cost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from served import JPEG, Device, device, named, run, viewer

from lenswire.device import web
from lenswire.device.identity import Identity
from lenswire.device.web import Counters, server
from lenswire.messages import Status, Verb, Watch, Welcome

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


def test_a_stream_is_pictures_with_their_times_and_the_device_is_left_when_it_ends(identity: Identity) -> None:
    async def test() -> None:
        async with face(identity) as porch:
            reader, writer = await porch.connect()
            writer.write(b"GET /?action=stream&size=320x240 HTTP/1.0\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"Content-Type: multipart/x-mixed-replace;boundary=frame\r\n" in head
            for sequence in (1, 2):
                while not (porch.porch.renditions and porch.porch.renditions[0].waiting):
                    await asyncio.sleep(0.01)
                before = time.monotonic()
                porch.porch.shoot()
                part = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
                fields = dict(line.split(": ") for line in part if ": " in line)
                assert await reader.readexactly(int(fields["Content-Length"])) == JPEG
                assert before <= float(fields["X-Captured"]) + 1e-6 <= time.monotonic()
                assert abs(float(fields["X-Timestamp"]) - time.time()) < 1
                assert 0 <= float(fields["X-Age"]) < 1
                assert fields["X-Sequence"] == str(sequence)
                assert await reader.readexactly(9) == b"\r\n--frame"
            assert porch.porch.renditions[0].plan.width == 320
            writer.transport.abort()
            while porch.porch.renditions:
                await asyncio.sleep(0.01)

    run(test)


def test_a_snapshot_is_no_older_than_asked(identity: Identity) -> None:
    async def test() -> None:
        async with face(identity) as porch:

            async def captured(query: str) -> float:
                status, head, _ = await porch.shooting(asyncio.ensure_future(porch.ask(f"/snapshot.jpg{query}")))
                assert status == 200
                return float(head.partition(b"X-Captured: ")[2].split()[0])

            begin = time.monotonic()
            first = await captured("")
            assert first > begin
            assert await captured("?max_age=60000") == first
            assert await captured("") > first
            await asyncio.sleep(0.1)
            later = time.monotonic()
            assert await captured("?max_age=50") > later - 0.06

    run(test)


@pytest.mark.parametrize(("state", "retry"), [("STOPPED", b"30"), ("FAULT", b"2")])
def test_no_camera_no_pictures_but_words(identity: Identity, state: str, retry: bytes) -> None:
    async def test() -> None:
        async with face(identity) as porch:
            porch.state = replace(porch.state, state=state, reason="somebody pulled it out")
            for path in ("/stream.mjpg", "/snapshot.jpg"):
                status, head, body = await porch.ask(path)
                assert status == 503
                assert body.decode() == f"the camera is {state.lower()}: somebody pulled it out\n"
                assert b"Retry-After: " + retry in head

    run(test)


def test_a_stream_ends_when_there_is_no_camera_for_long(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "QUIET_LIMIT", 300_000_000)

    async def test() -> None:
        async with face(identity) as porch, asyncio.timeout(LIMIT):
            reader, writer = await porch.connect()
            writer.write(b"GET /stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readuntil(b"--frame\r\n")
            porch.state = replace(porch.state, state="FAULT", reason="gone")
            assert await reader.read() == b""
            assert porch.porch.hub.viewers == 0
            writer.close()

    run(test)


@pytest.mark.parametrize(
    ("state", "newest", "status", "words"),
    [
        ("STREAMING", 0.1, 200, "frames come"),
        ("READY", 0.1, 200, "frames come"),
        ("STREAMING", 9.0, 503, "the newest frame is 9 s old"),
        ("READY", None, 503, "no frame has come yet"),
        ("STOPPED", None, 200, "stopped: stop by the button"),
        ("FAULT", 0.1, 503, "stop by the button"),
    ],
)
def test_health(identity: Identity, state: str, newest: float | None, status: int, words: str) -> None:
    async def test() -> None:
        async with face(identity) as porch:
            porch.state = replace(porch.state, state=state, reason="stop by the button")
            captured = time.monotonic_ns() - int(newest * 1e9) if newest else 0
            porch.counters = Counters(newest=captured)
            assert (await porch.ask("/healthz"))[::2] == (status, f"{words}\n".encode())

    run(test)


@pytest.mark.parametrize(
    ("path", "method", "status", "words"),
    [
        ("/start", "POST", 200, '{"ok": true, "text": "STOPPED"}'),
        ("/snapshot", "POST", 503, '{"ok": false, "text": "the disk is full"}'),
        ("/start", "GET", 405, ""),
        ("/stream.mjpg", "HEAD", 405, ""),
        ("/healthz", "HEAD", 200, ""),
        ("/nowhere", "GET", 404, ""),
        ("/stream.mjpg?size=big", "GET", 400, "size: expected WIDTHxHEIGHT, such as 640x480, got 'big'"),
        ("/snapshot.jpg?max_age=now", "GET", 400, "max_age: expected milliseconds"),
        ("/status.json", "GET", 200, '{"device": "porch", "state": "STREAMING", '),
        ("/metrics", "GET", 200, "lenswire_frames_captured_total"),
    ],
)
def test_what_there_is(identity: Identity, path: str, method: str, status: int, words: str) -> None:
    async def test() -> None:
        async with face(identity, keyed=True) as porch:
            answer = await porch.ask(path, method)
            assert answer[0] == status
            assert words in answer[2].decode()
            assert b"\r\nServer:" not in answer[1]

    run(test)


def test_the_page_may_run_its_own_script_and_nothing_else(identity: Identity) -> None:
    async def test() -> None:
        async with face(identity) as porch:
            status, head, body = await porch.ask("/")
            assert status == 200
            assert body.count(b"<script>") == body.count(b"<style>") == 1
            policy = head.partition(b"Content-Security-Policy: ")[2].partition(b"\r\n")[0].decode()
            assert policy.startswith("default-src 'none'; script-src 'sha256-")
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert b"://" not in body.replace(b"http://www.w3.org/2000/svg", b"")  # nothing from elsewhere

    run(test)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins
    import sys

    for module in [name for name in sys.modules if name.startswith(("lenswire.device.web.", "aiohttp"))]:
        monkeypatch.delitem(sys.modules, module)
    real: Callable[..., Any] = builtins.__import__

    def missing(name: str, *args: Any, **settings: Any) -> Any:
        if name.partition(".")[0] == "aiohttp":
            raise ModuleNotFoundError("No module named 'aiohttp'", name="aiohttp")
        return real(name, *args, **settings)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(web.MissingDependency, match=r"aiohttp is missing: pip install 'lenswire\[web\]'"):
        web.open_web(None, None, key_needed=True, local=False)  # type: ignore[arg-type]
