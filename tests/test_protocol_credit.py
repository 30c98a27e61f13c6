"""Credit: how many frames a device may send, whatever became of the messages that say so."""

from __future__ import annotations

import pytest

from fake_link import NOW, at, opened
from lenswire import wire
from lenswire.ends import DeviceConnection
from lenswire.errors import LocalProtocolError, ProtocolError
from lenswire.messages import (
    Credit,
    Frame,
    Ping,
    Pong,
)
from lenswire.protocol import State

FRAME = Frame(1, 2, 3, 640, 480, 4, 5, b"\xff\xd8")


def credited(sent: int, received: int, window: int) -> DeviceConnection:
    """A device that has sent so many frames, and heard that so many were received."""
    link = opened()
    link.device.frames_sent = sent
    link.say(link.viewer, Credit(received, window))
    assert not link.errors
    return link.device


@pytest.mark.parametrize(
    ("sent", "received", "window", "credit"),
    [
        (0, 0, 0, 0),
        (0, 0, 2, 2),
        (1, 0, 2, 1),
        (2, 0, 2, 0),
        (5, 0, 2, 0),  # the window shrank
        (5, 5, 8, 8),
        (2**32, 2**32 - 1, 2, 1),
        (2**32 + 3, 3, 2, 2),  # both counts went round
        (2**31, 1, 8, 0),  # as far apart as they may be
    ],
)
def test_credit(sent: int, received: int, window: int, credit: int) -> None:
    assert credited(sent, received, window).credit == credit


@pytest.mark.parametrize(("sent", "received"), [(0, 1), (5, 6), (2**32 - 1, 0), (2**31, 0)])
def test_more_received_than_sent_is_refused(sent: int, received: int) -> None:
    link = opened()
    link.device.frames_sent = sent
    with pytest.raises(ProtocolError, match=f"credit: {received} frames received, but {sent} were sent"):
        link.device.receive_data(wire.encode(Credit(received, 1)), NOW)


@pytest.mark.parametrize("hidden", [Credit(0, 8), Ping(7)])
def test_what_an_optional_kind_carries_is_no_message(hidden: Credit | Ping) -> None:
    device, payload = opened().device, wire.encode(hidden) * 2
    header = wire.HEADER.pack(wire.MAGIC, device.version, 200, 0, 0, 0, len(payload))
    for data in (header, payload[: len(payload) // 2], payload[len(payload) // 2 :], wire.encode(Credit(0, 2))):
        device.receive_data(data, NOW)
    assert device.credit == 2
    assert not device.data_to_send()


@pytest.mark.parametrize("cut", [0, 1, 23])
def test_a_credit_may_come_alone_in_pieces_or_with_others(cut: int) -> None:
    """The way that is short for one that comes alone hears the same as the long one."""
    link = opened()
    said = wire.encode(Credit(0, 3))
    for part, credit in ((said[:cut], 0), (said[cut:], 3), (said + wire.encode(Credit(0, 5)), 5)):
        link.device.receive_data(part, NOW)
        assert link.device.credit == credit
        assert not link.device.events()


@pytest.mark.parametrize(
    ("at_byte", "value", "words"),
    [(0, 0, "not a lenswire message"), (4, 9, "expected version"), (23, 4, "over the limit"), (7, 9, "credit: window")],
)
def test_a_credit_alone_is_looked_at_as_closely(at_byte: int, value: int, words: str) -> None:
    link = opened()
    said = bytearray(wire.encode(Credit(0, 3)))
    said[at_byte] = value
    with pytest.raises(ProtocolError, match=words):
        link.device.receive_data(bytes(said), NOW)
    assert link.device.credit == 0


@pytest.mark.parametrize("before", [b"", wire.encode(Credit(0, 3))])
@pytest.mark.parametrize(
    ("at_byte", "value", "words"),
    [(0, 0, "not a lenswire message"), (4, 9, "expected version"), (23, 9, "over the limit")],
)
def test_so_is_a_ping_alone_or_behind_a_credit(before: bytes, at_byte: int, value: int, words: str) -> None:
    link = opened()
    said = bytearray(wire.encode(Ping(7)))
    link.device.receive_data(before + said, NOW)
    assert link.device.data_to_send() == wire.encode(Pong(7, NOW))
    said[at_byte] = value
    with pytest.raises(ProtocolError, match=words):
        link.device.receive_data(before + said, NOW)
    assert link.device.credit == 0 and link.device.closed


def test_frames_use_credit_up_and_grants_renew_it() -> None:
    link = opened()
    link.viewer.grant(2)
    for left in (1, 0):
        link.run()
        link.device.frame_sent()
        assert link.device.credit == left
        assert link.say(link.device, FRAME) == [FRAME]
    link.viewer.grant(1)
    link.run()
    assert link.device.credit == 1


@pytest.mark.parametrize("state", State)
def test_no_frame_without_credit(state: State) -> None:
    connection = at(DeviceConnection, state)
    assert connection.credit == 0
    with pytest.raises(LocalProtocolError, match="a frame was sent without credit"):
        connection.frame_sent()
