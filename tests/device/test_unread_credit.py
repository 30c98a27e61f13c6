"""Credits lie unread in the socket while there is credit left; whatever else a viewer says is heard at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from served import Device, Viewer, device, named, run, viewer

from lenswire import wire
from lenswire.device.identity import Identity
from lenswire.device.session import NativeSession
from lenswire.messages import CloseCode, Command, Frame, Ping, Pong, Result, Status, Verb, Watch

WINDOW = 4


class Watched:
    """A device with one viewer that has WINDOW credit; reads: how often the device was given something to hear."""

    def __init__(self, porch: Device, eye: Viewer) -> None:
        self.porch, self.eye, self.reads = porch, eye, 0
        (session,) = porch.server.sessions
        assert isinstance(session, NativeSession)
        self.session, self._received = session, session.received
        session.received = self._count  # type: ignore[method-assign]

    @property
    def credit(self) -> int:
        return self.session.connection.credit

    def say_credit(self, window: int = WINDOW) -> None:
        self.eye.connection.grant(window)
        self.eye.flush()

    async def see(self) -> None:
        """One more picture."""
        self.porch.shoot()
        await self.eye.until(named(Frame))

    def _count(self, data: bytes) -> None:
        self.reads += 1
        self._received(data)


@asynccontextmanager
async def watched(identity: Identity, tls: bool) -> AsyncIterator[Watched]:
    async with device(identity, key_needed=tls) as porch:
        eye = await viewer(porch, identity if tls else None)
        await eye.until(named(Status))
        await eye.watch(Watch(), window=WINDOW)
        while not (porch.renditions and porch.renditions[0].waiting):
            await asyncio.sleep(0.001)
        yield Watched(porch, eye)


async def another(it: Watched) -> Viewer:
    """A second viewer, who sees what the first one does: the next picture is the last that both may be sent."""
    other = await viewer(it.porch)
    await other.until(named(Status))
    await other.watch(Watch(), window=WINDOW)
    while len(it.porch.renditions[0].waiting) < 2:
        await asyncio.sleep(0.001)
    for _ in range(WINDOW - 1):
        await it.see()
        await other.until(named(Frame))
    return other


both = pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])


@both
def test_a_credit_is_read_with_the_last_frame_that_the_one_before_allows(identity: Identity, tls: bool) -> None:
    async def test() -> None:
        async with watched(identity, tls) as it:
            await it.see()
            it.say_credit()
            for left in (2, 1):
                await it.see()
                assert (it.credit, it.reads) == (left, 0)
            await it.see()
            assert (it.credit, it.reads) == (1, 1)  # of 4 that were sent one is known to be here

    run(test)


def test_nobody_waits_for_what_others_have_to_say(identity: Identity) -> None:
    async def test() -> None:
        async with watched(identity, tls=False) as it:
            other = await another(it)
            order = []
            for session in it.porch.server.sessions:
                assert isinstance(session, NativeSession)
                session.received = lambda data, go=session.received: (order.append("heard"), go(data))  # type: ignore
                begin = session.channel.begin
                session.channel.begin = lambda data, go=begin: (order.append("sent"), go(data))[1]  # type: ignore
            it.say_credit()
            other.connection.grant(WINDOW)
            other.flush()
            it.porch.shoot()  # before the loop could hear it
            assert order == ["sent", "sent", "heard", "heard"]

    run(test)


@both
def test_when_there_is_none_left_a_credit_is_heard_at_once(identity: Identity, tls: bool) -> None:
    async def test() -> None:
        async with watched(identity, tls) as it:
            for _ in range(WINDOW):
                await it.see()
            assert it.credit == 0
            it.say_credit()
            while it.credit < WINDOW:
                await asyncio.sleep(0.001)
            await it.see()

    run(test)


@both
def test_credit_that_was_taken_back_is_heard_of_at_once_when_it_is_given_again(identity: Identity, tls: bool) -> None:
    async def test() -> None:
        async with watched(identity, tls) as it:
            it.say_credit(0)
            for _ in range(WINDOW - 1):
                await it.see()
            it.porch.shoot()
            while it.credit:
                await asyncio.sleep(0.001)
            it.say_credit()
            await it.eye.until(named(Frame))

    run(test)


@both
def test_pings_commands_and_wishes_do_not_lie(identity: Identity, tls: bool) -> None:
    async def test() -> None:
        async with watched(identity, tls) as it:
            await it.see()
            it.say_credit()
            it.eye.connection.send(Command(1, Verb.TOGGLE))
            it.eye.flush()
            await it.eye.until(named(Result))
            it.eye.connection.send(Ping(time.monotonic_ns()))
            it.eye.flush()
            await it.eye.until(named(Pong))
            await it.eye.watch(Watch(320), WINDOW)
            while it.porch.renditions[0].plan.width != 320:
                await asyncio.sleep(0.001)

    run(test)


@both
def test_half_a_message_does_not_lie(identity: Identity, tls: bool) -> None:
    async def test() -> None:
        async with watched(identity, tls) as it:
            await it.see()
            it.say_credit()
            it.eye.connection.send(Ping(time.monotonic_ns()))
            ping = it.eye.connection.data_to_send()
            it.eye.writer.write(ping[: wire.HEADER.size])
            while not it.reads:
                await asyncio.sleep(0.001)
            it.eye.writer.write(ping[wire.HEADER.size :])
            await it.eye.until(named(Pong))

    run(test)


def test_what_is_said_is_done_in_its_order(identity: Identity) -> None:
    """A wish that gets its first frame at once, with the last credit, is not a moment to hear what was said later."""

    async def test() -> None:
        async with watched(identity, tls=False) as it:
            other = await viewer(it.porch)
            await other.until(named(Status))
            await other.watch(Watch(320), window=WINDOW)
            while len(it.porch.renditions) < 2:
                await asyncio.sleep(0.001)
            for _ in range(WINDOW - 1):
                await it.see()
            small = it.porch.renditions[1]
            now = time.monotonic_ns()
            small.publish(99, now, now, now, (320, 240), b"jpeg")
            small.spread()
            it.eye.connection.send(Watch(320))
            it.eye.connection.send(Watch(160))
            before = it.eye.connection.data_to_send()
            it.eye.connection.send(Watch(500))
            it.eye.flush()
            await asyncio.sleep(0)
            it.session.received(before)
            assert it.session.connection.frames_sent == WINDOW
            while it.porch.renditions[-1].plan.width != 500:
                await asyncio.sleep(0.001)

    run(test)


@both
def test_an_end_is_heard_behind_a_credit(identity: Identity, tls: bool) -> None:
    async def test() -> None:
        async with watched(identity, tls) as it:
            await it.see()
            it.say_credit()
            it.eye.writer.close()
            while it.porch.server.sessions:
                await asyncio.sleep(0.001)

    run(test)


def test_a_wish_that_came_with_the_credit_gets_each_frame_once(identity: Identity) -> None:
    async def test() -> None:
        async with watched(identity, tls=False) as it:
            for _ in range(WINDOW - 1):
                await it.see()
            it.eye.connection.send(Watch(fps=30))  # the same plan: there is nothing to limit
            it.say_credit()
            it.porch.shoot()  # before the loop could hear it
            await it.see()
            assert it.eye.connection.frames_received == it.session.connection.frames_sent == WINDOW + 1

    run(test)


def test_who_leaves_while_frames_are_spread_keeps_nobody_from_his(identity: Identity) -> None:
    async def test() -> None:
        async with watched(identity, tls=False) as it:
            other = await another(it)
            it.eye.connection.close(CloseCode.BYE, "enough")
            it.eye.flush()
            it.porch.shoot()  # before the loop could hear it
            await other.until(named(Frame))
            while len(it.porch.server.sessions) > 1:
                await asyncio.sleep(0.001)

    run(test)


def test_a_frame_does_not_go_before_an_answer_that_waits(identity: Identity) -> None:
    """Reading credit may make the device say something that the socket will not take yet."""

    async def test() -> None:
        async with watched(identity, tls=False) as it:
            for _ in range(WINDOW - 1):
                await it.see()
            channel, send = it.session.channel, it.session.channel.send
            it.say_credit()
            it.eye.connection.send(Ping(7))
            it.eye.flush()
            channel.send = lambda data: channel._pending.append(memoryview(data))  # type: ignore[method-assign]
            it.porch.shoot()  # before the loop could hear it
            channel.send = send  # type: ignore[method-assign]
            it.porch.shoot()
            assert it.session.connection.frames_sent == WINDOW and channel.busy
            channel._want_writer(True)
            await it.eye.until(named(Pong))
            await it.see()

    run(test)
