"""How a connection opens, and in what words it is refused."""

from __future__ import annotations

from typing import Any

import pytest

from fake_link import KEY, NOW, SECRET, Link, device, viewer
from lenswire import wire
from lenswire.ends import WRONG_KEY
from lenswire.messages import (
    VERSIONS,
    Close,
    CloseCode,
    Hello,
    Welcome,
)
from lenswire.protocol import KEY_NEEDED, Connection, State

VERSION = VERSIONS[1]


@pytest.mark.parametrize(
    ("of_device", "of_viewer"),
    [
        ({}, {}),
        ({}, SECRET),
        (SECRET, {}),
        ({**SECRET, "key_needed": True}, SECRET),
        ({"versions": (1, 9)}, {"versions": (3, 5)}),
    ],
    ids=["in the clear", "viewer has a key", "device has a key", "key needed", "versions"],
)
def test_it_opens(of_device: dict[str, Any], of_viewer: dict[str, Any]) -> None:
    link = Link(device(**of_device), viewer(**of_viewer))
    link.run()
    assert link.device.state is link.viewer.state is State.OPEN
    assert link.device.events() == link.viewer.events() == [Welcome()]
    assert link.viewer.may_command
    assert (link.viewer.peer.name, link.device.peer.name) == ("porch", "laptop")  # type: ignore[union-attr]
    assert link.device.version == link.viewer.version == min(of_viewer.get("versions", VERSIONS)[1], 5)
    assert not link.errors


def test_only_the_device_says_whether_the_key_is_needed() -> None:
    link = Link(device(), viewer())
    link.viewer.data_to_send()
    link.device.receive_data(wire.encode(Hello(*VERSIONS, "laptop", bytes(32), key_needed=True)), NOW)
    assert link.device.state is State.OPEN


def test_the_viewer_speaks_first() -> None:
    assert viewer().data_to_send().startswith(wire.MAGIC)
    assert device().data_to_send() == b""


@pytest.mark.parametrize(
    ("of_device", "of_viewer", "code", "words"),
    [
        ({"key_needed": True, **SECRET}, {}, CloseCode.KEY_NEEDED, KEY_NEEDED),
        ({"key_needed": True, **SECRET}, {"key": KEY}, CloseCode.KEY_NEEDED, KEY_NEEDED),
        ({"key_needed": True, "key": KEY}, SECRET, CloseCode.KEY_NEEDED, KEY_NEEDED),
        ({"key_needed": True, **SECRET}, {**SECRET, "key": bytes(32)}, CloseCode.KEY, WRONG_KEY),
        ({"key_needed": True, **SECRET}, {**SECRET, "fingerprint": bytes(32)}, CloseCode.KEY, WRONG_KEY),
        (
            {"versions": (2, 3)},
            {"versions": (1, 1)},
            CloseCode.VERSION,
            "the device speaks 2 to 3, the other side 1 to 1",
        ),
        (
            {"versions": (1, 1)},
            {"versions": (2, 3)},
            CloseCode.VERSION,
            "the device speaks 1 to 1, the other side 2 to 3",
        ),
    ],
    ids=[
        "no key",
        "key without TLS",
        "device without TLS",
        "wrong key",
        "another certificate",
        "old viewer",
        "old device",
    ],
)
def test_it_is_refused_in_words(
    of_device: dict[str, Any], of_viewer: dict[str, Any], code: CloseCode, words: str
) -> None:
    link = Link(device(**of_device), viewer(**of_viewer))
    link.run()
    words_of: dict[Connection, str] = {}
    for side in (link.device, link.viewer):
        (closing,) = side.events()
        assert side.closed and isinstance(closing, Close) and closing.code == code
        words_of[side] = closing.reason
    assert words in words_of[link.device] and not link.errors


def test_a_viewer_tells_what_the_device_refuses() -> None:
    link = Link(device(versions=(VERSION + 1, VERSION + 2)), viewer())
    link.run()
    (closing,) = link.viewer.events()
    assert isinstance(closing, Close) and f"the other side {VERSION + 1} to {VERSION + 2}" in closing.reason
