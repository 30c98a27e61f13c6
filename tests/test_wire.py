"""The examples of PROTOCOL.md, read out of the page, both ways; then what `wire` refuses, in words."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from lenswire import messages, wire
from lenswire.ends import DeviceConnection
from lenswire.errors import ProtocolError
from lenswire.messages import MAX_TEXT, Close, CloseCode, Frame, Hello, Kind, Message, Result, Status, Watch
from lenswire.protocol import proof

PAGE = Path(__file__).parents[1] / "firmware" / "PROTOCOL.md"
VERSION = messages.VERSIONS[1]


def blocks(kind: str) -> list[list[str]]:
    """The fenced blocks of one kind, as lines."""
    return [
        block.splitlines()
        for block in re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    ]


def field(line: str) -> bytes:
    """`68 65  comment` or `'he'  comment` -> b"he"."""
    if quoted := re.match(r"'(.*)'", line):
        return quoted[1].encode()
    return bytes.fromhex(line.split("  ")[0])


def example(lines: list[str]) -> tuple[Message, bytes]:
    names = vars(messages) | {"proof": proof}
    return eval(lines[0], names), b"".join(field(line) for line in lines[1:])


def decode(raw: bytes) -> Message:
    header = wire.decode_header(raw)
    assert len(raw) == wire.HEADER.size + header.length
    return wire.decode(header, raw[wire.HEADER.size :])


def raw(kind: int, payload: bytes = b"", length: int | None = None, magic: bytes = b"LENS", flags: int = 0) -> bytes:
    length = len(payload) if length is None else length
    return struct.pack(">4sBBHIQI", magic, VERSION, kind, flags, 0, 0, length) + payload


# The page

GOLDEN = [example(lines) for lines in blocks("golden")]
IDS = [type(message).__name__ for message, _ in GOLDEN]


@pytest.mark.parametrize(("message", "data"), GOLDEN, ids=IDS)
def test_an_example_of_the_page_is_what_we_say(message: Message, data: bytes) -> None:
    assert wire.encode(message).hex(" ") == data.hex(" ")


@pytest.mark.parametrize(("message", "data"), GOLDEN, ids=IDS)
def test_an_example_of_the_page_is_what_we_hear(message: Message, data: bytes) -> None:
    assert decode(data) == message


def test_the_page_has_an_example_of_every_kind() -> None:
    assert {data[5] for _, data in GOLDEN} == set(Kind)


def test_the_page_has_the_codes_and_verbs_that_we_have() -> None:
    text = re.sub(r"\s+", " ", PAGE.read_text())
    for number, name in [(item.value, item.name) for enum in (CloseCode, messages.Verb) for item in enum]:
        assert f"{number} {name}" in text


@pytest.mark.parametrize("kind", Kind)
def test_the_page_has_our_limits(kind: Kind) -> None:
    row = re.search(rf"^\| {kind.value} {kind.name} \|.*\| ([^|]*) \|$", PAGE.read_text(), re.MULTILINE)
    assert row and eval(row[1].replace("Mi", "* 2**20")) == wire.MAX_PAYLOAD[kind]


def test_the_page_has_our_proof() -> None:
    (lines,) = blocks("proof")
    key, fingerprint, device, viewer, mac = (field(line) for line in lines)
    assert proof(key, fingerprint, device, viewer) == mac


# Frames

FRAME = Frame(1, 2, 3, 640, 480, 4, 5, b"\xff\xd8")


def test_a_picture_stands_at_the_end_of_its_frame() -> None:
    assert wire.encode(FRAME)[wire.JPEG_OFFSET :] == FRAME.jpeg


def test_a_view_of_a_payload_stays_a_view() -> None:
    data = wire.encode(FRAME)
    frame = wire.decode(wire.decode_header(data), memoryview(data)[wire.HEADER.size :])
    assert isinstance(frame, Frame) and isinstance(frame.jpeg, memoryview) and frame == FRAME


# What is refused


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (raw(Kind.PING, magic=b"HTTP"), "expected it to begin with b'LENS', got b'HTTP'"),
        (raw(0), "unknown kind of message: 0"),
        (raw(13), "unknown kind of message: 13"),
        (raw(127), "unknown kind of message: 127"),
        (raw(128, length=4097), "kind 128: length 4097 is over the limit of 4096"),
        *[
            (raw(kind, length=cap + 1), f"{kind.name}: length {cap + 1} is over the limit of {cap} bytes")
            for kind, cap in wire.MAX_PAYLOAD.items()
        ],
    ],
)
def test_a_header_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ProtocolError, match=re.escape(words)):
        wire.decode_header(data)


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        (Kind.HELLO, b"\1\1" + bytes(31), "HELLO: too short (33 bytes)"),
        (Kind.HELLO, b"\0\1" + bytes(32), "hello: lowest version: expected 1 to 255, got 0"),
        (Kind.HELLO, b"\2\1" + bytes(32), "hello: highest version: expected 2 to 255, got 1"),
        (Kind.HELLO, b"\1\1" + bytes(32) + b"\xff", "hello: name is not UTF-8 (byte 0)"),
        (Kind.PROOF, bytes(31), "proof: bytes: expected 32 to 32, got 31"),
        (Kind.WATCH, bytes(8), "WATCH: too short (8 bytes)"),
        (Kind.WATCH, struct.pack(">HHIB", 0, 0, 1_000_001, 0), "watch: fps: expected 0 to 1000.0, got 1000.001"),
        (Kind.WATCH, struct.pack(">HHIB", 0, 0, 0, 101), "watch: quality: expected 0 to 100, got 101"),
        (Kind.PING, bytes(7), "PING: too short"),
        (Kind.FRAME, bytes(15), "FRAME: too short"),
        (Kind.FRAME, struct.pack(">IHHII", 0, 1, 1, 0, 0), "frame: bytes of JPEG: expected 1 to 33554432, got 0"),
        (Kind.FRAME, struct.pack(">IHHII", 0, 0, 1, 0, 0) + b"x", "frame: width: expected 1 to 65535, got 0"),
        (Kind.FRAME, struct.pack(">IHHII", 0, 1, 0, 0, 0) + b"x", "frame: height: expected 1 to 65535, got 0"),
        (Kind.PONG, bytes(7), "PONG: too short"),
        (Kind.COMMAND, b"", "COMMAND: too short"),
        (Kind.COMMAND, b"\5", "command: unknown verb 5"),
        (Kind.RESULT, b"ok\xff", "result: text is not UTF-8 (byte 2)"),
        (Kind.CLOSE, b"\0", "CLOSE: too short"),
        (Kind.CLOSE, b"\0\0\x80", "close: reason is not UTF-8 (byte 0)"),
    ],
)
def test_a_payload_is_refused(kind: Kind, payload: bytes, words: str) -> None:
    with pytest.raises(ProtocolError, match=re.escape(words)):
        decode(raw(kind, payload))


def test_a_window_is_refused() -> None:
    with pytest.raises(ProtocolError, match="credit: window: expected 0 to 8, got 9"):
        decode(raw(Kind.CREDIT, flags=9))


TO_A_DEVICE = set.union(*DeviceConnection.expected.values()) - {Kind.CREDIT}


@pytest.mark.parametrize("kind", sorted(TO_A_DEVICE))
def test_nothing_that_a_viewer_says_is_as_short_as_a_credit(kind: Kind) -> None:
    """So a device can leave credits unread, and be woken for anything else."""
    with pytest.raises(ProtocolError):
        decode(raw(kind))


# Text


def test_text_cannot_move_the_cursor() -> None:
    assert decode(wire.encode(Close(0, "\x1b[2J\n"))) == Close(0, "\ufffd[2J\ufffd")
    assert decode(wire.encode(Status("READY", reason="\x1b\udc80"))) == Status("READY", reason="\ufffd?")
    assert decode(raw(Kind.STATUS, b'{"state":"\\ud800"}')) == Status("\ufffd")


def test_a_name_of_controls_still_is_a_name() -> None:
    name = decode(wire.encode(Hello(1, 1, "\x1b" * 64, bytes(32)))).name  # type: ignore[union-attr]
    assert name == "\ufffd" * 21


@pytest.mark.parametrize("text", ["é" * MAX_TEXT, "x" + "é" * MAX_TEXT, "\udc80" * 2 * MAX_TEXT])
def test_a_long_text_is_cut_between_characters(text: str) -> None:
    heard = decode(wire.encode(Result(1, False, text)))
    assert isinstance(heard, Result) and MAX_TEXT - 1 <= len(heard.text.encode()) <= MAX_TEXT


# Numbers at their edges


@pytest.mark.parametrize("fps", [0.0, 0.001, 0.5, 14.985, 23.976, 29.97, 59.94, 1000.0])
def test_a_rate_comes_through(fps: float) -> None:
    assert decode(wire.encode(Watch(fps=fps))) == Watch(fps=fps)


def test_the_slowest_rate_does_not_become_no_limit() -> None:
    assert decode(wire.encode(Watch(fps=0.0001))) == Watch(fps=0.001)


@pytest.mark.parametrize("kind", Kind)
def test_only_hello_and_close_are_the_same_in_all_versions(kind: Kind) -> None:
    message = next(message for message, data in GOLDEN if data[5] == kind)
    assert wire.encode(message, version=9)[4] == (0 if kind in (Kind.HELLO, Kind.CLOSE) else 9)
