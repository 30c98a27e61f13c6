"""What is announced, by whom, and where; tests/end_to_end/test_on_the_network.py hears it on a network."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
from zeroconf import ServiceInfo

from eventually import until
from lenswire.device.announce import Announcer, announcement, own_addresses
from lenswire.device.config import Config, parse
from lenswire.link import as_text
from lenswire.messages import VERSIONS

FINGERPRINT = bytes(range(32))


def settings(listen: str = ":8880", **more: Any) -> Config:
    return parse({"name": "porch", "server": {"listen": listen, **more}})


def started(config: Config, avahi: Path) -> bool:
    """Whether it begins to speak for itself."""
    announcer = Announcer(config, FINGERPRINT, avahi=avahi, calm=60.0)
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


class Zeroconf(ModuleType):
    """Stands in for the library: it remembers who speaks, and what all have said."""

    class Error(Exception): ...

    def __init__(self) -> None:
        super().__init__("zeroconf")
        self.ServiceInfo, self.Zeroconf = ServiceInfo, lambda interfaces: self
        self.said: list[ServiceInfo] = []
        self.speaks = False
        self.trouble: Exception | None = None

    def register_service(self, info: ServiceInfo, allow_name_change: bool) -> None:
        if self.trouble:
            raise self.trouble
        self.said.append(info)
        self.speaks = True

    def close(self) -> None:
        self.speaks = False


@pytest.fixture
def zeroconf(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Zeroconf:
    caplog.set_level(logging.INFO)
    module = Zeroconf()
    monkeypatch.setitem(sys.modules, "zeroconf", module)
    return module


@contextlib.contextmanager
def announcing(avahi: Path, addresses: list[str], name: str = "porch") -> Iterator[None]:
    config = replace(settings(), name=name)
    announcer = Announcer(config, FINGERPRINT, avahi=avahi, calm=0.0, look=0.01, where=lambda host: [*addresses])
    announcer.start()
    yield
    announcer.stop()


def test_it_says_who_and_where_and_takes_it_back(zeroconf: Zeroconf, tmp_path: Path) -> None:
    with announcing(tmp_path / "no avahi", ["10.0.0.1", "fd00::1"], "north.porch " + "x" * 60):
        until(lambda: zeroconf.speaks, "an announcement")
    assert not zeroconf.speaks
    (info,) = zeroconf.said
    assert info.get_name() == "north-porch " + "x" * 51
    assert (info.port, info.parsed_addresses()) == (8880, ["10.0.0.1", "fd00::1"])
    assert info.decoded_properties == announcement(settings(), FINGERPRINT).texts


def test_it_follows_the_network(zeroconf: Zeroconf, tmp_path: Path) -> None:
    addresses: list[str] = []  # at power-on
    with announcing(tmp_path / "no avahi", addresses):
        addresses.append("10.0.0.1")
        until(lambda: len(zeroconf.said) == 1, "the first address")
        addresses[:] = ["10.0.0.2"]
        until(lambda: len(zeroconf.said) == 2, "the next one")
        addresses.clear()
        until(lambda: not zeroconf.speaks, "silence")
    assert [info.parsed_addresses() for info in zeroconf.said] == [["10.0.0.1"], ["10.0.0.2"]]


def test_it_falls_silent_when_avahi_comes(zeroconf: Zeroconf, tmp_path: Path) -> None:
    avahi = tmp_path / "socket"
    with announcing(avahi, ["10.0.0.1"]):
        until(lambda: zeroconf.speaks, "an announcement")
        avahi.touch()
        until(lambda: not zeroconf.speaks, "silence")


def test_a_failure_is_one_line_and_tried_again(
    zeroconf: Zeroconf, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    zeroconf.trouble = OSError("no such device")
    with announcing(tmp_path / "no avahi", ["10.0.0.1"]):
        until(lambda: caplog.messages, "a word of it")
        time.sleep(0.05)  # several more tries
        zeroconf.trouble = None
        until(lambda: zeroconf.speaks, "an announcement")
    assert caplog.messages == [
        "! not announced on the network: no such device",
        "= announced on the network: porch at 10.0.0.1",
    ]


def test_without_zeroconf_it_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    with announcing(tmp_path / "no avahi", ["10.0.0.1"]):
        until(lambda: caplog.messages, "a word of it")
    assert len(caplog.messages) == 1
    assert "pip install 'lenswire[web]'" in caplog.text


def test_avahi_s_file_says_name_port_and_fingerprint_and_never_more() -> None:
    told = ElementTree.fromstring(announcement(parse({"name": "<&>" * 20 + "abü"}), FINGERPRINT).avahi_service)
    assert told.findtext("name") == "<&>" * 20 + "ab"
    assert told.findtext("service/type") == "_lenswire._tcp"
    assert told.findtext("service/port") == "8880"
    texts = [text.text for text in told.iter("txt-record")]
    assert texts == [f"fingerprint={as_text(FINGERPRINT)}", f"protocol={VERSIONS[1]}", "tls=1"]


def test_who_is_open_says_so() -> None:
    assert announcement(settings(open=True), FINGERPRINT).texts["tls"] == "0"


def test_no_address_of_this_machine_alone_is_told() -> None:
    everywhere = own_addresses("")
    assert not [address for address in everywhere if address.startswith(("127.", "::1", "fe80:"))]
    assert set(own_addresses("0.0.0.0")) == {address for address in everywhere if ":" not in address}
    for address in everywhere:
        assert own_addresses(address) == [address]
    assert own_addresses("127.0.0.1") == []
