"""Which cameras `view` shows."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from lenswire.cli import main, parser
from lenswire.link import AddressBook, Target
from lenswire.viewer.commands import watched

NAMES = "gate", "porch", "shed"


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AddressBook:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return AddressBook()


def names(*words: str) -> list[str]:
    args: Namespace = parser().parse_args(["view", *words])
    return [target.label for target in watched(args)]


def test_in_the_order_in_which_they_are_named(book: AddressBook) -> None:
    for name in NAMES:
        book.add(name, Target(f"{name}.local"))
    assert names("shed", "gate") == ["shed", "gate"]
    assert names("shed", "192.168.1.7") == ["shed", "192.168.1.7:8880"]


def test_all_of_the_address_book_each_once(book: AddressBook) -> None:
    for name in NAMES:
        book.add(name, Target(f"{name}.local"))
    assert names("--all") == list(NAMES)
    assert names("--all", "shed", "shed", "attic.local") == ["shed", "attic.local:8880", "gate", "porch"]


def test_without_a_name_the_only_one(book: AddressBook) -> None:
    book.add("porch", Target("porch.local"))
    assert names() == ["porch"]


def test_all_of_nothing_is_said(book: AddressBook, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", "--all"]) == 1
    assert capsys.readouterr().err == f"lenswire: the address book {book.path} is empty: there is no camera to show\n"
