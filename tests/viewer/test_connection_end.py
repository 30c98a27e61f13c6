"""A stream that does not get what it wants says why in one sentence; and how it ends."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from watching import QUICK, Watching, first_failure, heard, watching

from eventually import until
from lenswire.errors import ConnectError, Refused
from lenswire.link import Target
from lenswire.messages import Close, CloseCode, Watch
from lenswire.viewer.connection import Limits, Received, Stream
from scripted_device import KEY, ScriptedDevice, identity


@pytest.fixture
def device() -> Iterator[ScriptedDevice]:
    with ScriptedDevice() as device:
        yield device


# What it is told once, in one sentence


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
