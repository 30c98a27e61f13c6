"""Two Connections on a fake link: who may say what and when, closing, limits, and what later versions may add."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

import pytest

from fake_link import ENDS, NOW, OPEN_FOR_SOMETHING, at, opened, viewer
from lenswire import wire
from lenswire.ends import DeviceConnection
from lenswire.errors import LocalProtocolError, ProtocolError
from lenswire.messages import (
    VERSIONS,
    Close,
    CloseCode,
    Command,
    Credit,
    Frame,
    Kind,
    Message,
    Ping,
    Pong,
    Proof,
    Result,
    Status,
    Verb,
    Watch,
    Welcome,
)
from lenswire.protocol import Connection, State

VERSION = VERSIONS[1]
FRAME = Frame(1, 2, 3, 640, 480, 4, 5, b"\xff\xd8")
SAMPLES: dict[Kind, Message] = {
    Kind.HELLO: viewer()._hello,
    Kind.PROOF: Proof(bytes(32)),
    Kind.WELCOME: Welcome(),
    Kind.WATCH: Watch(640, 480, 15.0, 80),
    Kind.CREDIT: Credit(0, 2),
    Kind.FRAME: FRAME,
    Kind.PING: Ping(7),
    Kind.PONG: Pong(7, 8),
    Kind.STATUS: Status("READY"),
    Kind.COMMAND: Command(5, Verb.TOGGLE),
    Kind.RESULT: Result(5, True, "done"),
    Kind.CLOSE: Close(CloseCode.BYE, "bye"),
}


def last_message(data: bytes | bytearray) -> tuple[wire.Header, bytes]:
    """The last message of what was sent over a link."""
    start = bytes(data).rindex(wire.MAGIC)
    return wire.decode_header(data[start:]), bytes(data[start + wire.HEADER.size :])


def optional(length: int, kind: int = 200) -> bytes:
    return wire.HEADER.pack(wire.MAGIC, VERSION, kind, 0, 0, 0, length) + b"?" * length


# Who may say what, and when


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(("end", "state"), OPEN_FOR_SOMETHING)
def test_only_what_is_expected_is_heard(end: type[Connection], state: State, kind: Kind) -> None:
    connection, data = at(end, state), wire.encode(SAMPLES[kind])
    if kind in end.expected[state]:
        connection.receive_data(data, NOW)
        return
    words = f"a {end.role} does not expect {kind.name} while {state.value}"
    with pytest.raises(ProtocolError, match=words):
        connection.receive_data(data[: wire.HEADER.size], NOW)  # refused by its header, before a byte of it is stored
    assert connection.events() == [Close(CloseCode.BROKEN, words)]
    assert wire.decode(*last_message(connection.data_to_send())) == Close(CloseCode.BROKEN, words)
    assert connection.closed and not connection._in


@pytest.mark.parametrize("kind", [Kind.WATCH, Kind.COMMAND])
def test_a_device_hears(kind: Kind) -> None:
    link = opened()
    assert link.say(link.viewer, SAMPLES[kind]) == [SAMPLES[kind]]


@pytest.mark.parametrize("kind", [Kind.FRAME, Kind.STATUS, Kind.RESULT])
def test_a_viewer_hears(kind: Kind) -> None:
    link = opened()
    assert link.say(link.device, SAMPLES[kind]) == [SAMPLES[kind]]
    assert link.viewer.frames_received == (kind is Kind.FRAME)


@pytest.mark.parametrize("state", [State.GREETING, State.PROVING])
@pytest.mark.parametrize("end", ENDS)
def test_nothing_of_ours_is_said_before_it_is_open(end: type[Connection], state: State) -> None:
    with pytest.raises(LocalProtocolError, match=f"cannot send Ping while {state.value}"):
        at(end, state).send(Ping(1))


def test_messages_of_another_version_are_refused() -> None:
    link = opened()
    with pytest.raises(ProtocolError, match=f"PING: expected version {VERSION}, got {VERSION + 1}"):
        link.device.receive_data(wire.encode(Ping(1), VERSION + 1), NOW)


@pytest.mark.parametrize("versions", [(VERSION, VERSION), (1, VERSION + 2)])
def test_messages_carry_the_version_agreed_on(versions: tuple[int, int]) -> None:
    link = opened(versions=versions)
    link.viewer.send(Ping(1))
    assert link.viewer.data_to_send()[4] == versions[1]


# Clock


@pytest.mark.parametrize("asker", ENDS)
def test_a_ping_is_answered(asker: type[Connection]) -> None:
    link = opened()
    side = link.device if asker is DeviceConnection else link.viewer
    side.send(Ping(7))
    link.run(now=99)
    assert side.events() == [Pong(7, 99)]
    assert link.device.heard == link.viewer.heard == 99


# Closing


@pytest.mark.parametrize("state", [State.GREETING, State.PROVING, State.OPEN])
@pytest.mark.parametrize("end", ENDS)
def test_either_may_close_at_any_time(end: type[Connection], state: State) -> None:
    connection, closing = at(end, state), Close(CloseCode.STOPPING, "restarting")
    connection.close(CloseCode.STOPPING, "restarting")
    connection.close(CloseCode.BYE)  # a second call is no error, and changes nothing
    assert connection.events() == [closing]
    assert connection.data_to_send() == wire.encode(closing)


def test_nothing_is_heard_or_said_after_a_close() -> None:
    link = opened()
    link.viewer.receive_data(
        b"".join(wire.encode(message) for message in (FRAME, Close(CloseCode.BYE), FRAME, Ping(1))), NOW
    )
    assert link.viewer.events() == [FRAME, Close(CloseCode.BYE)]
    link.viewer.receive_data(b"anything", NOW + 1)
    assert (link.viewer.events(), link.viewer.data_to_send(), link.viewer.heard) == ([], b"", NOW)
    with pytest.raises(LocalProtocolError, match="cannot send Credit while closed"):
        link.viewer.grant(1)


def test_what_was_heard_before_the_rules_were_broken_counts() -> None:
    link = opened()
    with pytest.raises(ProtocolError, match="not a lenswire message"):
        link.viewer.receive_data(wire.encode(FRAME) + b"G" * 24 + wire.encode(FRAME), NOW)
    assert [type(event) for event in link.viewer.events()] == [Frame, Close]


def test_a_code_from_the_future_is_no_error() -> None:
    link = opened()
    link.viewer.receive_data(wire.encode(Close(999, "new")), NOW)
    assert link.viewer.events() == [Close(999, "new")]


# Limits


@pytest.mark.parametrize(("end", "state"), OPEN_FOR_SOMETHING)
def test_a_length_over_the_limit_is_refused_before_it_is_stored(end: type[Connection], state: State) -> None:
    for kind in end.expected[state]:
        connection = at(end, state)
        header = struct.pack(">4sBBHIQI", b"LENS", VERSION, kind, 0, 0, 0, wire.MAX_PAYLOAD[kind] + 1)
        with pytest.raises(ProtocolError, match=f"{kind.name}: length .* is over the limit"):
            connection.receive_data(header, NOW)
        assert connection.closed and not connection._in


# Growing


@pytest.mark.parametrize("size", [1, 7, 23, 24, 25, 4120, 10_000])
@pytest.mark.parametrize("length", [0, 1, 4096])
def test_an_optional_kind_is_skipped_in_any_slicing(length: int, size: int) -> None:
    link = opened()
    data = wire.encode(FRAME) + optional(length) * 2 + wire.encode(FRAME)
    for start in range(0, len(data), size):
        link.viewer.receive_data(data[start : start + size], NOW)
        assert len(link.viewer._in) < wire.HEADER.size + 18  # nothing of what is skipped is kept
    assert link.viewer.events() == [FRAME, FRAME]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("state", [State.GREETING, State.PROVING])
def test_strangers_have_no_optional_kinds(end: type[Connection], state: State) -> None:
    with pytest.raises(ProtocolError, match=f"does not expect kind 200 while {state.value}"):
        at(end, state).receive_data(optional(0), NOW)


def test_an_optional_kind_has_a_limit_and_a_version_too() -> None:
    with pytest.raises(ProtocolError, match="kind 255: length 4097 is over the limit"):
        opened().device.receive_data(optional(4097, 255), NOW)
    with pytest.raises(ProtocolError, match=f"kind 200: expected version {VERSION + 1}, got {VERSION}"):
        opened(versions=(1, VERSION + 1)).device.receive_data(optional(0), NOW)


def test_unknown_flags_are_not_looked_at() -> None:
    data = bytearray(wire.encode(Ping(7)))
    data[6:8] = b"\xff\xff"
    link = opened()
    link.device.receive_data(data, NOW)
    assert link.device.data_to_send() == wire.encode(Pong(7, NOW))


# Bytes


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_it_takes_whatever_holds_bytes(kind: Callable[[bytes], Any]) -> None:
    link = opened()
    link.viewer.receive_data(kind(wire.encode(FRAME)), NOW)
    assert link.viewer.events() == [FRAME]


def test_a_picture_is_not_touched_by_what_comes_after_it() -> None:
    link = opened()
    buffer = bytearray(wire.encode(FRAME))
    link.viewer.receive_data(memoryview(buffer), NOW)
    buffer[:] = bytes(len(buffer))
    (frame,) = link.viewer.events()
    assert isinstance(frame, Frame) and isinstance(frame.jpeg, memoryview) and frame.jpeg == FRAME.jpeg


def test_every_refusal_fits_into_its_close() -> None:
    link = opened()
    data = struct.pack(">4sBBHIQI", b"LENS", VERSION, Kind.STATUS, 0, 0, 0, 16) + b'{"state":"' + b"\xff" * 6
    with pytest.raises(ProtocolError, match=re.escape("status: not what it should be")) as caught:
        link.viewer.receive_data(data, NOW)
    assert link.viewer.events() == [Close(CloseCode.BROKEN, str(caught.value))]
