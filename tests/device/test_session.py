"""Sessions with real sockets: who gets what, and what one viewer can do to the others."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest
from served import LIMIT, Device, Viewer, access, device, kinds, named, run, viewer

from lenswire import wire
from lenswire.device.identity import Identity
from lenswire.ends import ViewerConnection
from lenswire.errors import ServeError
from lenswire.messages import Close, CloseCode, Command, Frame, Kind, Ping, Result, Status, Verb, Watch


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
            connection = ViewerConnection("flood", os.urandom(32))
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(sock, connection.data_to_send())
            ping = wire.encode(Ping(0))
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


def test_nobody_sees_a_picture_older_than_the_one_before(identity: Identity) -> None:
    """A thumbnail takes longer to make: the first of them may have been captured before the last full picture."""

    async def test() -> None:
        async with device(identity) as porch:
            eye = await viewer(porch)
            await eye.until(named(Status))
            await eye.watch(Watch(), window=4)
            while not (porch.renditions and porch.renditions[0].waiting):
                await asyncio.sleep(0.001)
            porch.shoot()
            (shown,) = (said for said in await eye.until(named(Frame)) if isinstance(said, Frame))
            await eye.watch(Watch(320), window=4)
            while not (porch.renditions[0].plan.width == 320 and porch.renditions[0].waiting):
                await asyncio.sleep(0.001)
            for number, captured in enumerate((shown.captured - 1, shown.captured + 1)):
                porch.renditions[0].publish(number, captured, captured, captured, (320, 240), b"jpeg")
                porch.renditions[0].spread()
            said = await eye.until(named(Frame))
            assert [one.captured for one in said if isinstance(one, Frame)] == [shown.captured + 1]

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
            hello = ViewerConnection("kitchen", eye.connection._hello.nonce).data_to_send()
            await eye.until(named(Status))
            await eye.watch(Watch())
            thief = Viewer(ViewerConnection("kitchen", os.urandom(32)))
            porch.guests.append(thief)
            thief.connection.data_to_send()
            await thief.connect(porch.port, tls=True)
            thief.writer.write(hello + b"".join(recorded))
            answer = await asyncio.wait_for(thief.reader.read(), LIMIT)
            assert kinds(answer) == [Kind.HELLO, Kind.CLOSE]
            assert b"wrong key" in answer

    run(test)
