"""The address book and the network side by side: who is who, and what is said of them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from lenswire.errors import ConnectError, LinkError, Refused
from lenswire.link import AddressBook, Target
from lenswire.messages import CloseCode, Status
from lenswire.viewer.discovery import Entry, entries, look, places, table, the_only_camera
from lenswire.viewer.neighbours import Neighbour
from scripted_device import KEY, ScriptedDevice

MARK = bytes(32)
PORCH = Target("10.0.0.9", 8880, MARK, KEY, name="porch")
SHED = Target("shed.local", 9000, name="shed")
AWAY = ConnectError("no answer")


def neighbour(name: str, address: str, fingerprint: bytes = b"", is_open: bool = False, port: int = 8880) -> Neighbour:
    return Neighbour(name, f"{name}.local", (address,), port, fingerprint, is_open)


def words(seen: list[Entry]) -> list[list[str]]:
    return [line.split(maxsplit=2) for line in table(seen)]


def test_a_camera_that_has_moved_is_known_by_its_fingerprint() -> None:
    found = [neighbour("whatever", "10.0.0.20", MARK, port=8881)]
    (moved,) = places(found[0], [PORCH, SHED])
    assert moved == replace(PORCH, host="10.0.0.20", port=8881)
    (entry,) = entries([PORCH], found, {PORCH: AWAY, moved: Status("STREAMING")})
    assert (entry.target, entry.booked, entry.announced, entry.state) == (moved, True, True, "STREAMING")


def test_what_has_no_fingerprint_is_known_by_its_address_alone() -> None:
    found = [neighbour("shed", "10.0.0.4", is_open=True, port=9000), neighbour("shed", "10.0.0.5", is_open=True)]
    assert [list(places(one, [SHED])) for one in found] == [[], [Target("10.0.0.5")]]
    seen = entries([SHED], found, {SHED: Status("STOPPED", "by hand")})
    assert [(one.name, one.target.host, one.booked, one.announced) for one in seen] == [
        ("shed", "shed.local", True, True),
        ("shed", "10.0.0.5", False, True),
    ]


def test_a_stranger_gets_no_key_and_is_not_connected_to_if_it_wants_one() -> None:
    assert list(places(neighbour("attic", "10.0.0.3", bytes([1]) * 32), [PORCH])) == []
    assert list(places(neighbour("attic", "10.0.0.3", bytes([1]) * 32, is_open=True), [PORCH])) == [Target("10.0.0.3")]


def test_a_camera_that_is_announced_twice_is_one() -> None:
    other = bytes([1]) * 32
    found = [neighbour("attic", "10.0.0.3", other), neighbour("attic-2", "10.1.0.3", other)]
    assert words(entries([], found, {})) == [["attic", "10.0.0.3:8880", "TLS  not paired: run 'lenswire pair' on it"]]


def test_each_state_has_its_words() -> None:
    found = [neighbour("porch", "10.0.0.9", MARK)]
    refused = Refused("wrong key", CloseCode.KEY)
    old = Target("old.local", legacy=True, name="old")
    for known, there, answer, state, said in (
        (PORCH, [], Status("FAULT", "no camera"), "FAULT", "paired, TLS  FAULT: no camera"),
        (PORCH, [], Status("STREAMING"), "STREAMING", "paired, TLS  STREAMING"),
        (PORCH, [], AWAY, "AWAY", "paired, TLS  away"),
        (PORCH, [], None, "AWAY", "paired, TLS  away"),
        (PORCH, found, AWAY, "AWAY", "paired, TLS  announced, but no answer"),
        (PORCH, found, refused, "REFUSED", "paired, TLS  wrong key"),
        (SHED, [], Status("READY"), "READY", "no key, not encrypted  READY"),
        (old, [], None, "UNKNOWN", "article's dialect"),
    ):
        (entry,) = entries([known], there, {known: answer} if answer else {})
        assert entry.state == state
        assert words([entry]) == [[known.name, known.address, said]]


def test_all_are_asked_at_once_and_nobody_waits_for_the_dead() -> None:
    with (
        ScriptedDevice(tls=True, key=KEY) as porch,
        ScriptedDevice(status=Status("STOPPED", "by hand")) as gate,
        ScriptedDevice(silent=True) as shed,
    ):
        known = [replace(device.target, name=name) for name, device in (("a", porch), ("b", gate), ("c", shed))]
        begun = time.monotonic()
        seen, trouble = look([*known, Target("127.0.0.1", 1, name="d")], network=False, limit=1.0)
        took = time.monotonic() - begun
    assert [entry.state for entry in seen] == ["STREAMING", "STOPPED", "AWAY", "AWAY"]
    assert trouble == ""
    assert 1.0 <= took < 2.0


def test_when_all_have_answered_nobody_waits() -> None:
    with ScriptedDevice() as porch:
        begun = time.monotonic()
        seen, _ = look([replace(porch.target, name="porch")], network=False, limit=10.0)
    assert [entry.state for entry in seen] == ["STREAMING"]
    assert time.monotonic() - begun < 5.0


# The only camera


@pytest.fixture
def book(tmp_path: Path) -> AddressBook:
    return AddressBook(tmp_path / "cameras.json")


def test_the_only_camera_of_the_book_is_it_whatever_strangers_say(book: AddressBook) -> None:
    book.add("porch", PORCH)
    assert the_only_camera(book) == PORCH


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([], "and none was found on the network; run 'lenswire pair' on the device"),
        ([neighbour("attic", "10.0.0.3", MARK)], "none of these can be watched before its link is here.*\nattic "),
        (
            [neighbour("barn", "10.0.0.4", is_open=True), neighbour("shed", "10.0.0.5", is_open=True)],
            "which camera.*\nbarn .*\nshed ",
        ),
    ],
)
def test_with_an_empty_book_it_is_said_what_there_is(book: AddressBook, found: list[Neighbour], words: str) -> None:
    with pytest.raises(LinkError, match=words):
        the_only_camera(book, lambda known: (entries(known, found, {}), ""))


def test_with_an_empty_book_it_is_the_one_that_wants_no_key(book: AddressBook) -> None:
    found = [neighbour("attic", "10.0.0.3", MARK), neighbour("barn", "10.0.0.4", is_open=True)]
    assert the_only_camera(book, lambda known: (entries(known, found, {}), "")) == Target("10.0.0.4")


def test_without_a_network_that_is_said_too(book: AddressBook) -> None:
    with pytest.raises(LinkError, match="address book, and it rains; run"):
        the_only_camera(book, lambda known: ([], "it rains"))


def test_of_several_it_is_said_what_to_type(book: AddressBook) -> None:
    book.add("porch", replace(PORCH, host="127.0.0.1", port=1))
    book.add("shed", replace(SHED, host="127.0.0.1", port=2))
    with pytest.raises(LinkError, match="which camera") as raised:
        the_only_camera(book)
    lines = str(raised.value).splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["porch", "shed"]
