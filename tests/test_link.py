"""Targets, links and the address book."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenswire.errors import LinkError
from lenswire.link import PORT, AddressBook, Target, parse_target

KEY, FINGERPRINT = bytes(range(32)), bytes(range(100, 132))
PORCH = Target("porch.local", 8881, FINGERPRINT, KEY)
LINK = (
    "lenswire://AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8@porch.local:8881"
    "/ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM"
)
SECRET = LINK.removeprefix("lenswire://").split("@")[0]


@pytest.fixture
def book(tmp_path: Path) -> AddressBook:
    return AddressBook(tmp_path / "lenswire" / "cameras.json")


# Targets


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("porch", Target("porch")),
        ("porch.local:99", Target("porch.local", 99)),
        (" 10.0.0.5 ", Target("10.0.0.5", PORT)),
        ("[::1]", Target("::1")),
        ("[fe80::1%eth0]:7", Target("fe80::1%eth0", 7)),
        ("legacy://10.0.0.5", Target("10.0.0.5", legacy=True)),
        ("legacy://[::1]:1234/", Target("::1", 1234, legacy=True)),
        ("lenswire://10.0.0.5:81/" + LINK.split("/")[-1], Target("10.0.0.5", 81, FINGERPRINT)),
        (LINK, PORCH),
    ],
)
def test_targets(text: str, target: Target) -> None:
    assert parse_target(text) == target


def test_a_target_prints_its_link() -> None:
    assert PORCH.link == LINK
    assert Target("::1").link == "[::1]:8880"
    assert Target("::1", 9, legacy=True).link == "legacy://[::1]:9"


@given(
    st.sampled_from(["porch", "10.0.0.5", "::1", "a-b.c"]),
    st.integers(1, 65535),
    st.binary(min_size=32, max_size=32),
    st.sampled_from([b"", KEY, bytes(32), b"\xff" * 32]),
)
def test_every_link_is_read_as_it_was_printed(host: str, port: int, fingerprint: bytes, key: bytes) -> None:
    target = Target(host, port, fingerprint, key)
    assert parse_target(target.link) == target


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":8880",
        "host:",
        "host:0",
        "host:65536",
        "host:http",
        "host/path",
        "user@host",
        "no such host",
        "::1",
        "[::1",
        "http://host",
        "legacy://key@host",
        "lenswire://",
        "lenswire://half",
        LINK.replace(SECRET, ""),
        LINK[:-1],
        LINK + "x",
        LINK + "?x=1",
        LINK + "#x",
        LINK.replace("@", ":password@"),
        LINK.replace("lenswire://", "lenswire://x"),
        LINK.replace("AAEC", "AA!C"),
        LINK.replace(":8881", ":99999"),
        LINK.replace("porch.local", "por ch"),
        LINK.removeprefix("lenswire://"),
        f"lenswire://{SECRET}@porch.local:8881",  # the key without the fingerprint
    ],
)
def test_what_cannot_be_read_is_one_sentence_without_the_key(text: str) -> None:
    with pytest.raises(LinkError) as refused:
        parse_target(text)
    words = str(refused.value)
    assert "expected" in words or "needs" in words
    assert SECRET not in words
    assert "\n" not in words


@given(st.text(max_size=80))
def test_any_text_is_a_target_or_a_link_error(text: str) -> None:
    for given_text in (text, f"lenswire://{text}", f"lenswire://{SECRET}@{text}"):
        try:
            parse_target(given_text)
        except LinkError as error:
            assert SECRET not in str(error)


def test_the_key_is_not_in_the_repr() -> None:
    assert str(KEY) not in repr(PORCH)
    assert "key" not in repr(PORCH)


@pytest.mark.parametrize("key", [b"short", bytes(33)])
def test_a_key_of_another_length_is_refused(key: bytes) -> None:
    with pytest.raises(LinkError, match="key: expected 32 bytes"):
        Target("porch", key=key, fingerprint=FINGERPRINT)


def test_what_a_device_is_called() -> None:
    assert Target("::1").address == "[::1]:8880"
    assert Target("10.0.0.5", 1).label == "10.0.0.5:1"
    assert Target("10.0.0.5", 1, name="porch").label == "porch"


# The address book


def test_cameras_are_remembered_by_name(book: AddressBook) -> None:
    book.add("porch", PORCH)
    book.add("attic", Target("10.0.0.9", legacy=True))
    found = parse_target("porch", AddressBook(book.path))
    assert (found.host, found.key, found.name, found.label) == ("porch.local", KEY, "porch", "porch")
    assert [target.name for target in book] == ["attic", "porch"]
    book.remove("porch")
    assert parse_target("porch", book) == Target("porch")


def test_the_book_is_for_its_owner_only(book: AddressBook) -> None:
    book.add("porch", PORCH)
    book.path.chmod(0o644)
    book.add("attic", PORCH)
    assert stat.S_IMODE(book.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(book.path.parent.stat().st_mode) == 0o700
    assert [path.name for path in book.path.parent.iterdir()] == ["cameras.json"]


def test_an_address_with_a_port_is_not_looked_up(book: AddressBook) -> None:
    book.path.parent.mkdir()
    book.path.write_text("rubbish")
    assert parse_target("127.0.0.1:8880", book) == Target("127.0.0.1")


@pytest.mark.parametrize("name", ["", "-a", "a.b", "a b", "a:1", "a/b", "ä", "a" * 64, "@x"])
def test_a_name_does_not_look_like_an_address(book: AddressBook, name: str) -> None:
    with pytest.raises(LinkError, match="name of a camera: expected"):
        book.add(name, PORCH)


def test_to_forget_what_is_not_known_is_an_error(book: AddressBook) -> None:
    with pytest.raises(LinkError, match=r"no camera named 'porch' .*it is empty"):
        book.remove("porch")
    book.add("attic", PORCH)
    with pytest.raises(LinkError, match=r"no camera named 'porch' .*attic"):
        book.remove("porch")


@pytest.mark.parametrize("content", [b"rubbish", b"[]", b'{"porch": 1}', b"\xff\xfe", b'{"porch": '])
def test_a_damaged_book_is_said_and_never_overwritten(book: AddressBook, content: bytes) -> None:
    book.path.parent.mkdir()
    book.path.write_bytes(content)
    for use in (lambda: book.get("porch"), lambda: book.add("attic", PORCH), lambda: book.remove("porch")):
        with pytest.raises(LinkError, match=r"address book .* is damaged: "):
            use()
    assert book.path.read_bytes() == content


def test_a_damaged_entry_is_named_and_does_not_hide_the_others(book: AddressBook) -> None:
    book.add("attic", PORCH)
    book.path.write_text(json.dumps({**json.loads(book.path.read_text()), "porch": LINK[:-3]}))
    with pytest.raises(LinkError, match="camera 'porch': fingerprint of a link: expected 43 characters") as damaged:
        book.get("porch")
    assert SECRET not in str(damaged.value)
    attic = book.get("attic")
    assert attic is not None
    assert attic.key == KEY


def test_a_book_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LinkError, match=r"address book .* cannot be (read|written)"):
        AddressBook(tmp_path / "file" / "cameras.json").add("porch", PORCH)


def test_the_book_lies_in_the_users_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert AddressBook().path == tmp_path / "lenswire" / "cameras.json"
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    monkeypatch.setenv("HOME", "/home/someone")
    assert AddressBook().path == Path("/home/someone/.config/lenswire/cameras.json")
