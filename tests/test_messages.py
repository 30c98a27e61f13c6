"""Messages check themselves when they are built: what would not fit the wire does not come into being."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from functools import partial

import pytest

from lenswire.errors import ProtocolError
from lenswire.messages import (
    MAX_JPEG,
    Close,
    Command,
    Credit,
    Frame,
    Hello,
    Message,
    Ping,
    Pong,
    Proof,
    Result,
    Status,
    Verb,
    Watch,
    clip,
    printable,
)
from lenswire.wire import encode

hello = partial(Hello, lowest=1, highest=1, name="porch", nonce=bytes(32))
frame = partial(
    Frame, sequence=0, captured=0, rendition=0, width=1, height=1, encode_begin=0, encode_end=0, jpeg=b"\xff\xd8"
)
U16, U32, U64 = 2**16, 2**32, 2**64


@pytest.mark.parametrize(
    ("build", "name", "least", "most"),
    [
        (partial(hello, highest=255), "lowest", 1, 255),
        (hello, "highest", 1, 255),
        (Watch, "width", 0, U16 - 1),
        (Watch, "height", 0, U16 - 1),
        (Watch, "fps", 0, 1000),
        (Watch, "quality", 0, 100),
        (partial(Credit, received=0), "window", 0, 8),
        (frame, "sequence", 0, U32 - 1),
        (frame, "captured", 0, U64 - 1),
        (frame, "rendition", 0, U32 - 1),
        (frame, "width", 1, U16 - 1),
        (frame, "height", 1, U16 - 1),
        (frame, "encode_begin", 0, U32 - 1),
        (frame, "encode_end", 0, U32 - 1),
        (Ping, "time", 0, U64 - 1),
        (partial(Pong, time=0), "echo", 0, U64 - 1),
        (partial(Pong, echo=0), "time", 0, U64 - 1),
        (partial(Command, verb=Verb.STOP), "number", 0, U32 - 1),
        (partial(Result, ok=True), "number", 0, U32 - 1),
        (Close, "code", 0, U16 - 1),
        *[
            (partial(Status, "READY"), name, 0, 2**53 - 1)
            for name in ("width", "height", "fps", "captured", "dropped", "viewers", "uptime")
        ],
    ],
)
def test_a_number_has_its_limits(build: Callable[..., Message], name: str, least: int, most: int) -> None:
    for good in (least, most):
        encode(build(**{name: good}))  # what can be built can be sent
    for bad in (least - 1, most + 1, float("nan")):
        with pytest.raises(ProtocolError, match=rf"{name.split('_')[0]}.*expected .*, got {bad}"):
            build(**{name: bad})


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: hello(nonce=bytes(31)), "hello: bytes of nonce: expected 32 to 32, got 31"),
        (lambda: hello(name="é" * 33), "hello: bytes of name: expected 0 to 64, got 66"),
        (lambda: Proof(bytes(33)), "proof: bytes: expected 32 to 32, got 33"),
        (lambda: frame(jpeg=b""), "frame: bytes of JPEG: expected 1 to 33554432, got 0"),
        (lambda: frame(jpeg=memoryview(bytes(MAX_JPEG + 1))), "expected 1 to 33554432, got 33554433"),
    ],
)
def test_bytes_have_their_limits(build: Callable[[], Message], words: str) -> None:
    with pytest.raises(ProtocolError, match=re.escape(words)):
        build()


def test_a_count_of_frames_may_wrap() -> None:
    assert encode(Credit(U32 + 5, 1)) == encode(Credit(5, 1))


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Ping(1).time = 2  # type: ignore[misc]


@pytest.mark.parametrize("message", [hello(), Proof(bytes(32)), frame()])
def test_secrets_and_pictures_stay_out_of_logs(message: Message) -> None:
    assert "\\x00" not in repr(message) and "\\xff" not in repr(message)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("abc", 2, b"ab"), ("é", 1, b""), ("aé", 2, b"a"), ("\udc80", 9, b"?"), ("", 0, b"")],
)
def test_clip(text: str, limit: int, expected: bytes) -> None:
    assert clip(text, limit) == expected


@pytest.mark.parametrize(("text", "expected"), [("Küche 1", "Küche 1"), ("a\nb\x9b\u202e", "a\ufffdb\ufffd\ufffd")])
def test_printable(text: str, expected: str) -> None:
    assert printable(text) == expected
