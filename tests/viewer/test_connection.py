"""A stream and a device on loopback: it connects, receives, and comes back whatever happened."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from watching import QUICK, Watching, heard, watching

from article_server import ArticleServer
from eventually import until
from lenswire.errors import ConnectError
from lenswire.messages import Close, CloseCode, Command, Result, Status, Verb, Watch
from lenswire.viewer.connection import Limits, Stream
from lenswire.viewer.reception import UNKNOWN
from scripted_device import ScriptedDevice


@pytest.fixture
def device() -> Iterator[ScriptedDevice]:
    with ScriptedDevice() as device:
        yield device


# What it gives


def test_frames_come_with_their_age(device: ScriptedDevice) -> None:
    with watching(device.target, Watch(320, 240, 25, 70)) as stream:
        until(lambda: len(stream.frames) > 10, "frames")
        assert heard(device, Watch) == [Watch(320, 240, 25, 70)]
        assert (stream.connected, stream.problem, stream.failure) == (True, "", None)
        assert (stream.device_name, stream.tls) == ("scripted", False)
        received = stream.frames[-1]
    assert (received.frame.width, received.frame.height) == (320, 240)
    # The same clock on both sides: the estimate must be right to what it admits.
    assert abs(received.captured - received.frame.captured) <= received.clock_error
    assert received.captured <= received.received
    assert stream.statistics.frames == len(stream.frames)


def test_a_look_at_the_status_asks_for_nothing(device: ScriptedDevice) -> None:
    with watching(device.target, None) as stream:
        until(lambda: stream.status, "a status")
        assert stream.status == device.status
    assert heard(device, Watch) == stream.frames == [] and not device.grants


def test_the_credit_does_not_wait_for_what_is_done_with_the_frame(device: ScriptedDevice) -> None:
    done = threading.Event()
    stream = Stream(device.target, Watch(), lambda received: bool(done.wait(10)), limits=QUICK)
    stream.start()
    until(lambda: device.grants > 1, "the credit")  # the first came with the wish
    done.set()
    stream.stop()


def test_the_newest_status_is_known(device: ScriptedDevice) -> None:
    changes = threading.Event()
    stream = Watching(device.target)
    stream.on_change = changes.set
    with stream:
        device.status = Status("STOPPED", "somebody pressed the button")
        until(lambda: stream.status is not None and stream.status.state == "STOPPED", "the new state")
        assert stream.status == device.status
    assert changes.is_set()


def test_another_watch_while_streaming(device: ScriptedDevice) -> None:
    with watching(device.target, Watch(320, 240)) as stream:
        until(lambda: stream.frames, "a frame")
        stream.watch(Watch(160, 120))
        until(lambda: stream.frames[-1].frame.width == 160, "the other size")
        assert stream.statistics.reconnects == 0


def test_a_command_gets_its_result(device: ScriptedDevice) -> None:
    with watching(device.target) as stream:
        until(lambda: stream.connected, "the connection")
        first, second = stream.command(Verb.STOP), stream.command(Verb.START)
        until(lambda: len(stream.results) == 2, "the results")
        assert stream.results == [Result(first, True, "STOP done"), Result(second, True, "START done")]
    assert [command.verb for command in heard(device, Command)] == [Verb.STOP, Verb.START]


def test_a_command_whose_connection_dies_gets_a_result_too(device: ScriptedDevice) -> None:
    device.answers = False
    with watching(device.target) as stream:
        until(lambda: stream.connected, "the connection")
        number = stream.command(Verb.TOGGLE)
        until(lambda: heard(device, Command), "the command to arrive")
        device.die()
        until(lambda: stream.results, "the result")
        assert (stream.results[0].number, stream.results[0].ok) == (number, False)
        device.live()


def test_a_slow_link_gets_one_frame_at_a_time(device: ScriptedDevice) -> None:
    device.padding, device.rate = 30_000, 300_000  # five periods for a frame
    with watching(device.target, limits=Limits()) as stream:
        until(lambda: stream.statistics.window == 1, "the window to be 1")
        until(lambda: len(stream.frames) > 5, "frames")


# It comes back


def test_the_device_dies_and_returns(device: ScriptedDevice) -> None:
    with watching(device.target) as stream:
        until(lambda: stream.frames, "a frame")
        device.die()
        until(lambda: not stream.connected, "the loss to be noticed")
        until(lambda: "nothing listens there" in stream.problem, "the reason")
        assert stream.failure is None
        count = len(stream.frames)
        device.live()
        until(lambda: len(stream.frames) > count, "frames after the return")
        assert (stream.connected, stream.problem, stream.statistics.reconnects) == (True, "", 1)


def test_a_device_that_goes_silent_is_noticed(device: ScriptedDevice) -> None:
    with watching(device.target) as stream:
        until(lambda: stream.frames, "a frame")
        device.silent = True
        until(lambda: "nothing was heard" in stream.problem, "the silence to be noticed")
        device.silent = False
        until(lambda: stream.connected, "the connection after the silence")


@pytest.mark.parametrize("tls", [False, True])
def test_a_device_that_accepts_and_says_nothing_is_noticed(tls: bool) -> None:
    with ScriptedDevice(tls=tls, silent=True) as device, watching(device.target) as stream:
        until(lambda: "nothing" in stream.problem, "the silence to be noticed")
        assert not stream.connected


def test_a_viewer_that_wants_nothing_is_heard_of_all_the_same(device: ScriptedDevice) -> None:
    with watching(device.target, None, limits=Limits()) as stream:
        until(lambda: device.reads > 5, "pings")
        assert stream.connected


def test_a_device_without_room_is_tried_again(device: ScriptedDevice) -> None:
    device.refusal = Close(CloseCode.FULL, "128 viewers are here")
    with watching(device.target) as stream:
        until(lambda: "128 viewers are here" in stream.problem, "the refusal")
        assert stream.failure is None
        device.refusal = None
        until(lambda: stream.frames, "a frame once there is room")


def test_without_reconnect_the_loss_is_the_end(device: ScriptedDevice) -> None:
    with watching(device.target, reconnect=False) as stream:
        until(lambda: stream.frames, "a frame")
        device.die()
        until(lambda: stream.failure, "the end")
        assert isinstance(stream.failure, ConnectError)
        assert not stream.connected
        device.live()


def test_every_address_of_a_host_is_tried(device: ScriptedDevice) -> None:
    """localhost is ::1 first, where nothing listens."""
    with watching(replace(device.target, host="localhost")) as stream:
        until(lambda: stream.connected, "the connection")


# The article's dialect


@pytest.mark.parametrize("layout", [8, 12])
def test_the_articles_server_is_watched_whatever_its_machine(layout: int) -> None:
    with ArticleServer(layout) as server, watching(server.target, Watch(320, 240)) as stream:
        until(lambda: len(stream.frames) > 3, "frames")
        received = stream.frames[-1]
        assert (received.frame.width, received.frame.height) == (320, 240)
        assert received.captured == received.received
        assert received.clock_error == UNKNOWN
        assert stream.problem == ""
        number = stream.command(Verb.STOP)
        until(lambda: stream.results, "the answer")
        assert (stream.results[0].number, stream.results[0].ok) == (number, False)
        stream.watch(Watch(160, 120))
        until(lambda: stream.frames[-1].frame.width == 160, "the other size")
        assert [request[1:] for request in server.requests] == [(320, 240), (160, 120)]
