"""The HTTP face with real sockets and real TLS: what may be asked, and what is answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from faced import LIMIT, face
from served import JPEG, run

from lenswire.device import web
from lenswire.device.identity import Identity
from lenswire.device.web import Counters, server


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
