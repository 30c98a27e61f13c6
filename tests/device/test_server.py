"""The server with real sockets and real TLS: who gets in, who gets what, and what one viewer can do to the others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from lenswire import wire
from lenswire.device.hub import Hub
from lenswire.device.identity import Identity, load_or_make
from lenswire.device.rendition import Rendition, Source
from lenswire.device.server import Access, Server
from lenswire.errors import ServeError
from lenswire.messages import Close, CloseCode, Command, Frame, Kind, Message, Result, Status, Verb, Watch, Welcome
from lenswire.protocol import Connection, Role

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

    def __init__(self, connection: Connection) -> None:
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


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return load_or_make(tmp_path_factory.mktemp("state"), "porch")


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
    connection = Connection(Role.VIEWER, "kitchen", os.urandom(32), **{**settings, **changes})
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
        ({"versions": (2, 9)}, CloseCode.VERSION),
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
        b"\x16\x03\x01\x02\x00garbage that is not TLS" * 9,
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


def test_a_viewer_that_takes_its_credit_back_harms_nobody(identity: Identity) -> None:
    async def test() -> None:
        async with device(identity) as porch:
            fickle, eye = await viewer(porch), await viewer(porch)
            for count, one in enumerate((fickle, eye)):
                await one.until(named(Status))
                await one.watch(Watch(), window=1)
                while not (porch.renditions and len(porch.renditions[0].waiting) > count):
                    await asyncio.sleep(0.001)
            session = next(iter(porch.renditions[0].waiting))
            fickle.connection.grant(0)
            fickle.flush()
            while session.connection.credit:
                await asyncio.sleep(0.001)
            porch.shoot()
            await eye.until(named(Frame))
            fickle.connection.grant(1)
            fickle.flush()
            while not session.connection.frames_sent:  # the frame that eye got, if it is still fresh, or the next
                await asyncio.sleep(0.05)
                porch.shoot()
            await fickle.until(named(Frame))

    run(test)


def test_a_stalled_viewer_delays_nobody_and_holds_two_frames_at_most(identity: Identity) -> None:
    async def test() -> None:
        async with device(identity) as porch:
            stalled, eye = await viewer(porch), await viewer(porch)
            for one in (stalled, eye):
                await one.until(named(Status))
                await one.watch(Watch())
            while porch.hub.viewers < 2:
                await asyncio.sleep(0.01)
            for count in range(1, 21):
                porch.shoot()
                await eye.until(named(Frame))
                assert eye.connection.frames_received == count
                eye.connection.grant(2)
                eye.flush()
                while not porch.renditions[0].waiting:
                    await asyncio.sleep(0.001)
            await stalled.until(named(Frame))
            assert stalled.connection.frames_received <= 2

    run(test)


def test_a_viewer_that_asks_but_never_reads_is_let_go(identity: Identity) -> None:
    async def test() -> None:
        async with device(identity) as porch:
            sock = socket.create_connection(("127.0.0.1", porch.port))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.setblocking(False)
            connection = Connection(Role.VIEWER, "flood", os.urandom(32))
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(sock, connection.data_to_send())
            ping = struct.pack(">4sBBHIQI", b"LENS", 1, 7, 0, 0, 0, 0)
            with pytest.raises((ConnectionError, TimeoutError)):
                async with asyncio.timeout(LIMIT):
                    while True:
                        await loop.sock_sendall(sock, ping * 1000)
            sock.close()
            assert not porch.server.sessions

    run(test)


def test_commands_are_obeyed_and_answered(identity: Identity) -> None:
    async def test() -> None:
        async with device(identity) as porch:
            eye = await viewer(porch)
            await eye.until(named(Status))
            eye.connection.send(Command(5, Verb.TOGGLE))
            eye.flush()
            assert (await eye.until(named(Result)))[-1] == Result(5, ok=True, text="done")
            assert porch.commands == [Verb.TOGGLE]

    run(test)


def test_a_change_of_state_reaches_everybody(identity: Identity) -> None:
    async def test() -> None:
        async with device(identity) as porch:
            eyes = [await viewer(porch) for _ in range(3)]
            for eye in eyes:
                await eye.until(named(Status))
            porch.server.tell()
            for eye in eyes:
                await eye.until(named(Status))

    run(test)


def test_shutting_down_is_said(identity: Identity) -> None:
    async def test() -> None:
        async with device(identity) as porch:
            eye = await viewer(porch)
            await eye.until(named(Status))
            porch.server.close("porch is shutting down")
            closing = (await eye.until(named(Close)))[-1]
            assert closing == Close(CloseCode.STOPPING, "porch is shutting down")

    run(test)


def test_another_wish_changes_the_stream(identity: Identity) -> None:
    async def test() -> None:
        async with device(identity) as porch:
            eye = await viewer(porch)
            await eye.until(named(Status))
            for size in ((640, 480), (160, 120)):
                await eye.watch(Watch(*size))
                while not (porch.renditions and porch.renditions[0].plan.width == size[0]):
                    await asyncio.sleep(0.01)
                porch.shoot()
                frame = (await eye.until(named(Frame)))[-1]
                assert isinstance(frame, Frame)
                assert (frame.width, frame.height) == size

    run(test)


def test_a_port_in_use_is_one_sentence(identity: Identity) -> None:
    async def test() -> None:
        async with device(identity) as porch:
            with pytest.raises(
                ServeError, match=rf"cannot listen on 127\.0\.0\.1:{porch.port}: address already in use"
            ):
                Device(access(identity)).server.listen("127.0.0.1", porch.port)

    run(test)


def test_a_replayed_exchange_gains_nothing(identity: Identity) -> None:
    """Whoever recorded what a viewer said inside TLS, and says it again inside TLS, is refused."""

    async def test() -> None:
        async with device(identity, key_needed=True) as porch:
            eye = await viewer(porch, identity)
            recorded: list[bytes] = []
            write = eye.writer.write
            eye.writer.write = lambda data: (recorded.append(data), write(data))[1]  # type: ignore[method-assign]
            hello = Connection(Role.VIEWER, "kitchen", eye.connection._hello.nonce).data_to_send()
            await eye.until(named(Status))
            await eye.watch(Watch())
            thief = Viewer(Connection(Role.VIEWER, "kitchen", os.urandom(32)))
            porch.guests.append(thief)
            thief.connection.data_to_send()
            await thief.connect(porch.port, tls=True)
            thief.writer.write(hello + b"".join(recorded))
            answer = await asyncio.wait_for(thief.reader.read(), LIMIT)
            assert kinds(answer) == [Kind.HELLO, Kind.CLOSE]
            assert b"wrong key" in answer

    run(test)
