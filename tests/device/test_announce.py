"""What is announced, by whom, and where; tests/end_to_end/test_on_the_network.py hears it on a network."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from lenswire.device.announce import Announcer, announcement, own_addresses
from lenswire.device.config import Config, parse
from lenswire.link import as_text

FINGERPRINT = bytes(range(32))


def settings(listen: str = ":8880", **more: Any) -> Config:
    return parse({"name": "porch", "server": {"listen": listen, **more}})


def started(config: Config, avahi: Path) -> bool:
    """Whether it begins to speak for itself."""
    announcer = Announcer(config, FINGERPRINT, avahi, calm=60.0)
    announcer.start()
    speaks = any(thread.name == "announcer" for thread in threading.enumerate())
    announcer.stop()
    assert not any(thread.name == "announcer" for thread in threading.enumerate())
    return speaks


def test_it_speaks_for_itself_where_nobody_else_does(tmp_path: Path) -> None:
    assert started(settings(), tmp_path / "no avahi")


@pytest.mark.parametrize("listen", ["127.0.0.1:8880", "[::1]:8880", "localhost:8880"])
def test_what_only_this_machine_can_reach_is_not_announced(listen: str, tmp_path: Path) -> None:
    assert not started(settings(listen), tmp_path / "no avahi")


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    assert not started(settings(announce=False), tmp_path / "no avahi")


def test_avahi_has_the_first_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert not started(settings(), tmp_path)
    assert "avahi" in caplog.text


def test_avahi_s_file_says_name_port_and_fingerprint_and_never_more() -> None:
    told = ElementTree.fromstring(announcement(parse({"name": "<&>" * 20 + "abü"}), FINGERPRINT).avahi_service)
    assert told.findtext("name") == "<&>" * 20 + "ab"
    assert told.findtext("service/type") == "_lenswire._tcp"
    assert told.findtext("service/port") == "8880"
    texts = [text.text for text in told.iter("txt-record")]
    assert texts == [f"fingerprint={as_text(FINGERPRINT)}", "protocol=1", "tls=1"]


def test_who_is_open_says_so() -> None:
    assert announcement(settings(open=True), FINGERPRINT).texts["tls"] == "0"


def test_no_address_of_this_machine_alone_is_told() -> None:
    everywhere = own_addresses("")
    assert not [address for address in everywhere if address.startswith(("127.", "::1", "fe80:"))]
    assert set(own_addresses("0.0.0.0")) == {address for address in everywhere if ":" not in address}
    for address in everywhere:
        assert own_addresses(address) == [address]
    assert own_addresses("127.0.0.1") == []
