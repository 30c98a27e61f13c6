"""What a network says, read without believing any of it."""

from __future__ import annotations

from typing import Any

import pytest
from zeroconf import ServiceInfo

from lenswire.errors import MissingDependency
from lenswire.link import as_text
from lenswire.viewer.neighbours import MOST_ADDRESSES, SERVICE, Neighbour, Neighbours, read

FINGERPRINT = bytes(range(32))


def announced(name: str = "porch", **changes: Any) -> Neighbour | None:
    told: dict[str, Any] = {
        "port": 8880,
        "properties": {"fingerprint": as_text(FINGERPRINT), "protocol": "1", "tls": "1"},
        "server": "porch.local.",
        "parsed_addresses": ["192.168.1.20"],
    }
    return read(ServiceInfo(SERVICE, f"{name}.{SERVICE}", **{**told, **changes}))


def test_a_device_is_read_as_it_announces_itself() -> None:
    assert announced() == Neighbour("porch", "porch.local", ("192.168.1.20",), 8880, FINGERPRINT, open=False)


@pytest.mark.parametrize(
    ("properties", "fingerprint", "is_open"),
    [
        ({}, b"", False),
        ({"fingerprint": None, "tls": None}, b"", False),
        ({"fingerprint": "short", "tls": "perhaps"}, b"", False),
        ({"fingerprint": b"\xff" * 43, "tls": b"\x00"}, b"", False),
        ({"fingerprint": as_text(FINGERPRINT), "tls": "0", "more": "x" * 200}, FINGERPRINT, True),
    ],
)
def test_texts_that_make_no_sense_are_none(properties: dict[str, Any], fingerprint: bytes, is_open: bool) -> None:
    neighbour = announced(properties=properties)
    assert neighbour
    assert (neighbour.fingerprint, neighbour.open) == (fingerprint, is_open)


def test_a_name_cannot_write_over_the_terminal() -> None:
    neighbour = announced("\u202eevil\u009b2J")
    assert neighbour
    assert neighbour.name == "\ufffdevil\ufffd2J"


def test_nobody_sends_us_to_this_very_machine() -> None:
    for addresses in (["127.0.0.1"], ["::1"], ["0.0.0.0"], ["224.0.0.251"], []):
        assert announced(parsed_addresses=addresses) is None
    assert announced(port=0) is None


def test_the_likeliest_addresses_are_the_first_and_not_too_many() -> None:
    many = ["fe80::1", "fd00::1", "169.254.0.1", "10.0.0.1", "127.0.0.1", "10.0.0.2", "10.0.0.3"]
    neighbour = announced(parsed_addresses=many)
    assert neighbour
    assert neighbour.addresses == ("10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1")
    assert len(neighbour.addresses) == MOST_ADDRESSES


def test_without_zeroconf_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "zeroconf", None)
    with pytest.raises(MissingDependency, match=r"pip install 'lenswire\[viewer\]'"):
        Neighbours().open()
