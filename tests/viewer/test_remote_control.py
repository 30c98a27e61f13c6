"""The commands `start`, `stop`, `toggle`, `status`, and `cameras`."""

from __future__ import annotations

import io
import json
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lenswire.errors import ConnectError, LinkError, Refused
from lenswire.link import AddressBook, Target
from lenswire.messages import Status, Verb, Watch
from lenswire.viewer import cameras, control
from scripted_device import KEY, ScriptedDevice


@pytest.fixture
def device() -> Iterator[ScriptedDevice]:
    status = Status("READY", "nobody is watching", "scripted", "none", viewers=2, uptime=61.0, version="1.2")
    with ScriptedDevice(status=status) as device:
        yield device


# One device


def test_a_verb_prints_the_answer(device: ScriptedDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert control.run(device.target, Verb.STOP, False) == 0
    assert capsys.readouterr().out == "STOP done\n"
    control.run(device.target, Verb.START, True)
    assert json.loads(capsys.readouterr().out) == {"device": "scripted", "ok": True, "text": "START done"}


def test_a_verb_that_is_denied_is_an_error(device: ScriptedDevice) -> None:
    device.obeys = False
    with pytest.raises(Refused, match="TOGGLE denied"):
        control.run(device.target, Verb.TOGGLE, True)


def test_the_status_for_a_person(device: ScriptedDevice, capsys: pytest.CaptureFixture[str]) -> None:
    control.run(device.target, None, False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "scripted: READY (nobody is watching)"
    assert lines[1].startswith("camera: scripted, ")
    assert lines[-1] == "lenswire 1.2, running for 61 s"


def test_the_status_for_programs(device: ScriptedDevice, capsys: pytest.CaptureFixture[str]) -> None:
    control.run(device.target, None, True)
    told = json.loads(capsys.readouterr().out)
    assert (told["device"], told["state"], told["viewers"], told["renditions"]) == ("scripted", "READY", 2, [])


def test_to_look_is_not_to_watch(device: ScriptedDevice) -> None:
    control.run(device.target, None, False)
    assert not [message for message in device.heard if isinstance(message, Watch)]


def test_the_article_has_no_commands() -> None:
    with pytest.raises(ConnectError, match="no status and no commands"):
        control.run(Target("127.0.0.1", legacy=True), None, False)


# The address book


@pytest.fixture
def book(tmp_path: Path) -> AddressBook:
    return AddressBook(tmp_path / "cameras.json")


def test_the_book_is_filled_listed_and_emptied(book: AddressBook, capsys: pytest.CaptureFixture[str]) -> None:
    link = Target("127.0.0.1", 1, fingerprint=bytes(32), key=KEY).link
    listing = {"action": "list", "network": False, "json": False}
    for action in (
        listing,
        {"action": "add", "link": link, "name": "porch"},
        {"action": "add", "link": "legacy://10.0.0.9", "name": "attic"},
        listing,
        {"action": "remove", "name": "attic"},
    ):
        assert cameras.run(Namespace(**action), book) == 0
    out = capsys.readouterr().out
    empty, added, _, attic, porch, forgotten = out.splitlines()
    assert empty.endswith("is empty")
    assert added == "porch is in the address book: lenswire view porch"
    assert attic.split() == ["attic", "10.0.0.9:8880", "article's", "dialect"]
    assert porch.split() == ["porch", "127.0.0.1:1", "paired,", "TLS", "away"]
    assert forgotten == "attic is forgotten"
    assert link.split("@")[0].removeprefix("lenswire://") not in out


def test_without_a_name_the_device_is_asked_for_its_own(device: ScriptedDevice, book: AddressBook) -> None:
    cameras.run(Namespace(action="add", link=device.target.link, name=None), book)
    assert [(target.name, target.port) for target in book] == [("scripted", device.port)]


def test_a_link_on_stdin_is_in_no_list_of_processes(
    book: AddressBook, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target("porch.local", fingerprint=bytes(32), key=KEY)
    for words in ("porch is in the address book:", "porch is in the address book already:"):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{target.link}\n"))
        cameras.run(Namespace(action="add", link="-", name="porch"), book)
        assert capsys.readouterr().out.startswith(words)
    assert book.get("porch") == replace(target, name="porch")


def test_what_is_no_link_is_not_kept(book: AddressBook) -> None:
    with pytest.raises(LinkError):
        cameras.run(Namespace(action="add", link="lenswire://half", name="porch"), book)
    assert list(book) == []
