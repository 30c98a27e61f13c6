"""A stream and a device on loopback: it connects, receives, and comes back whatever happened."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from lenswire.errors import ConnectError, ProtocolError, Refused
from lenswire.link import Target
from lenswire.messages import Close, CloseCode, Command, Credit, Result, Status, Verb, Watch
from lenswire.viewer.connection import Limits, Received, Stream
from lenswire.viewer.reception import UNKNOWN
from scripted_device import KEY, ArticleServer, ScriptedDevice, identity, until

QUICK = Limits(connect=2.0, silence=0.5, retries=(0.02, 0.05))


class Watching(Stream):
    """A stream that keeps what it was given."""

    def __init__(self, target: Target, watch: Watch | None = Watch(), **options: Any) -> None:  # noqa: B008
        self.frames: list[Received] = []
        self.results: list[Result] = []
        super().__init__(target, watch, self.frames.append, **{"limits": QUICK, **options})
        self.on_result = self.results.append


@contextlib.contextmanager
def watching(target: Target, watch: Watch | None = Watch(), **options: Any) -> Iterator[Watching]:  # noqa: B008
    stream = Watching(target, watch, **options)
    stream.start()
    try:
        yield stream
    finally:
        stream.stop()


def heard(device: ScriptedDevice, kind: type) -> list[Any]:
    return [message for message in device.heard if isinstance(message, kind)]


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
    assert heard(device, Watch) == heard(device, Credit) == stream.frames == []


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


# What it is told once, in one sentence


def first_failure(target: Target, **options: Any) -> Exception:
    stream = Watching(target, **options)
    with pytest.raises((ConnectError, ProtocolError)) as raised:
        stream.open()
    assert "\n" not in str(raised.value)
    return raised.value


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "nothing listens there" in str(first_failure(Target("127.0.0.1", port)))


def test_a_host_that_is_not_there() -> None:
    assert "no host named 'no-such-host.invalid'" in str(first_failure(Target("no-such-host.invalid")))


@pytest.mark.parametrize(
    ("options", "target", "words", "code"),
    [
        ({"key": KEY, "tls": True}, {"key": bytes(32)}, "wrong key", CloseCode.KEY),
        ({"key": KEY, "tls": True}, {"key": b""}, "wants its key", CloseCode.KEY_NEEDED),
        ({"key": KEY}, {"key": b""}, "wants its key", CloseCode.KEY_NEEDED),
        ({"tls": True}, {"fingerprint": bytes(32)}, "wrong fingerprint", CloseCode.KEY),
        ({"versions": (7, 9)}, {}, "no protocol version in common", CloseCode.VERSION),
    ],
)
def test_a_refusal_that_will_not_change_is_said_and_tried_again_slowly(
    options: dict[str, Any], target: dict[str, Any], words: str, code: CloseCode
) -> None:
    with ScriptedDevice(**options) as device, watching(replace(device.target, **target)) as stream:
        until(lambda: stream.failure, "the refusal")
        assert isinstance(stream.failure, Refused)
        assert stream.failure.code == code
        assert words in stream.problem
        assert "trying again every 10 s" in stream.problem
        time.sleep(0.1)  # several of the quick pauses
        assert device.accepted == 1


def test_a_refused_viewer_is_let_in_once_the_key_is_right() -> None:
    with ScriptedDevice(tls=True, key=bytes(32)) as device:
        target = replace(device.target, key=KEY)
        with watching(target, limits=replace(QUICK, refused=0.05)) as stream:
            until(lambda: stream.failure, "the refusal")
            device.key = KEY
            until(lambda: stream.frames, "a frame")
            assert stream.failure is None


def test_nothing_is_said_to_somebody_with_another_certificate() -> None:
    with ScriptedDevice(tls=True) as device, watching(replace(device.target, fingerprint=bytes(32))) as stream:
        until(lambda: stream.failure, "the refusal")
        assert device.heard == []


def test_a_tls_device_is_watched_with_its_key() -> None:
    with ScriptedDevice(tls=True, key=KEY, padding=100_000) as device, watching(device.target) as stream:
        until(lambda: len(stream.frames) > 3, "frames")
        assert stream.tls
        assert device.target.fingerprint == identity().fingerprint


def test_a_plain_device_where_tls_was_expected(device: ScriptedDevice) -> None:
    failure = first_failure(replace(device.target, fingerprint=bytes(32)))
    assert "no TLS 1.3 with 127.0.0.1" in str(failure)


def test_something_else_that_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stream = Watching(Target("127.0.0.1", listener.getsockname()[1]), reconnect=False)
        stream.start()
        other, _ = listener.accept()
        with other:
            other.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            until(lambda: stream.failure, "the failure")
            assert "does not speak as expected: not a lenswire message" in stream.problem
        stream.stop()


# Its end


def ended(stream: Stream) -> bool:
    return f"stream of {stream.target.label}" not in [thread.name for thread in threading.enumerate()]


@pytest.fixture
def unanswered() -> Iterator[Target]:
    """A listener whose queue is full leaves a SYN unanswered."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield Target(*listener.getsockname())


def test_stop_while_it_connects(unanswered: Target) -> None:
    stream = Watching(unanswered, limits=Limits(connect=3600))
    threading.Timer(0.05, stream.stop).start()
    with pytest.raises(ConnectError, match="stopped"):
        stream.open()
    assert ended(stream)
    assert (stream.connected, stream.problem) == (False, "")


def test_a_connect_that_is_not_answered_ends(unanswered: Target) -> None:
    assert "no answer" in str(first_failure(unanswered, limits=Limits(connect=0.2)))


def test_stop_says_good_bye_and_may_be_called_again(device: ScriptedDevice) -> None:
    with watching(device.target) as stream:
        until(lambda: stream.frames, "a frame")
        stream.stop()
        stream.stop()
        until(lambda: heard(device, Close), "the good-bye")
    assert heard(device, Close) == [Close(CloseCode.BYE)]
    assert not stream.connected


def test_stop_without_start(device: ScriptedDevice) -> None:
    Watching(device.target).stop()


def test_stop_from_within_a_callback(device: ScriptedDevice) -> None:
    stream = Stream(device.target, Watch(), lambda received: stream.stop(), limits=QUICK)
    stream.start()
    until(lambda: ended(stream), "the end")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_callback_that_fails_ends_the_stream_loudly(device: ScriptedDevice) -> None:
    def fail(received: Received) -> None:
        raise RuntimeError("the disk is full")

    stream = Stream(device.target, Watch(), fail, limits=QUICK)
    stream.start()
    until(lambda: isinstance(stream.failure, RuntimeError), "the failure")
    stream.stop()
    assert "the disk is full" in stream.problem


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
