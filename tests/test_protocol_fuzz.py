"""Whatever the bytes, however they are sliced: nothing is raised but ProtocolError, and next to nothing is stored."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_link import ENDS, NOW, Link, at, device, viewer
from lenswire import status, wire
from lenswire.errors import ProtocolError
from lenswire.legacy import LAYOUTS, LegacyServer, LegacyViewer
from lenswire.messages import (
    MAX_COUNT,
    MAX_FPS,
    MAX_JPEG,
    U16,
    U32,
    U64,
    VERSIONS,
    Close,
    Command,
    Credit,
    Frame,
    Hello,
    Kind,
    Message,
    Ping,
    Pong,
    Proof,
    Result,
    Status,
    Verb,
    Watch,
    Welcome,
)
from lenswire.protocol import Connection, State

# The same examples in every run: a failure in CI is a failure here. To hunt, raise max_examples and drop derandomize.
fuzz = settings(max_examples=100, derandomize=True, deadline=None, database=None)


# Messages that may be sent

u16, u32, u64 = (st.integers(0, most) for most in (U16, U32, U64))
side = st.integers(1, U16)
millihertz = st.integers(0, int(MAX_FPS * 1000)).map(lambda thousandths: thousandths / 1000)
text = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=15)
count = st.integers(0, MAX_COUNT)
number = count | st.floats(0, MAX_COUNT)
nonce = st.binary(min_size=32, max_size=32)
versions = st.lists(st.integers(1, 255), min_size=2, max_size=2).map(sorted)
rendition = st.dictionaries(text, number, max_size=7)

MESSAGES: dict[Kind, st.SearchStrategy[Message]] = {
    Kind.HELLO: st.builds(lambda v, *rest: Hello(*v, *rest), versions, text, nonce, st.booleans()),
    Kind.PROOF: st.builds(Proof, nonce),
    Kind.WELCOME: st.builds(Welcome, st.booleans()),
    Kind.WATCH: st.builds(Watch, u16, u16, millihertz, st.integers(0, 100)),
    Kind.CREDIT: st.builds(Credit, u32, st.integers(0, 8)) | st.builds(Credit, st.just(0), st.integers(0, 8)),
    Kind.FRAME: st.builds(Frame, u32, u64, u32, side, side, u32, u32, st.binary(min_size=1, max_size=99)),
    Kind.PING: st.builds(Ping, u64),
    Kind.PONG: st.builds(Pong, u64, u64),
    Kind.STATUS: st.builds(
        Status, text, text, text, text, text, count, count, st.floats(0, MAX_COUNT), count, count, count,
        st.lists(rendition, max_size=3).map(tuple), st.floats(0, MAX_COUNT), text,
    ),
    Kind.COMMAND: st.builds(Command, u32, st.sampled_from(Verb)),
    Kind.RESULT: st.builds(Result, u32, st.booleans(), text),
    Kind.CLOSE: st.builds(Close, u16, text),
}  # fmt: skip

# Bytes that may come

json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**30, 10**60) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
status_fields = st.sampled_from(list(status.TYPES))
wild_number = st.sampled_from(["NaN", "-Infinity", "1e999", "-0.0", "9" * 400, "9" * 4300])
wild_json = st.one_of(
    st.dictionaries(status_fields, json_value).map(lambda told: json.dumps({"state": "READY"} | told)),
    st.builds('{{"state":"","{}":{}}}'.format, status_fields, wild_number),
    st.sampled_from(["[" * 16384, '{"state":' * 1800, "9" * 5000, '{"state":"\\udfff\\u001b"}']),
).map(str.encode)
wild_length = st.integers(0, 99) | st.sampled_from([1026, 1027, 4096, 4097, 16384, MAX_JPEG, MAX_JPEG + 17, U32])


def message_bytes(kind: int, flags: int, payload: bytes, length: int | None, version: int | None = None) -> bytes:
    if version is None:
        version = 0 if kind in (Kind.HELLO, Kind.CLOSE) else VERSIONS[1]
    return wire.HEADER.pack(b"LENS", version, kind, flags, 1, 2, len(payload) if length is None else length) + payload


def mutated(data: bytes, position: int, byte: int) -> bytes:
    position %= len(data)
    return data[:position] + bytes([byte]) + data[position + 1 :]


any_kind = st.integers(0, 255) | st.sampled_from(Kind)
said = st.one_of(list(MESSAGES.values())).map(wire.encode)
piece = st.one_of(
    said,
    said,
    st.builds(mutated, said, st.integers(0, 60), st.integers(0, 255)),
    st.builds(lambda data, cut: data[:cut], said, st.integers(0, 80)),
    st.builds(message_bytes, any_kind, u16, st.binary(max_size=99), st.none() | wild_length),
    st.builds(message_bytes, st.integers(128, 255), u16, st.binary(max_size=99), st.none()),
    st.builds(message_bytes, st.just(Kind.STATUS), u16, wild_json | st.binary(max_size=99), st.none()),
    st.binary(max_size=60),
)
conversation = st.lists(piece, max_size=8).map(b"".join)
slices = st.lists(st.integers(1, 120), min_size=1, max_size=5)


# Feeding


class Hearer(Protocol):
    @property
    def closed(self) -> bool: ...
    def receive_data(self, data: bytes, now: int) -> None: ...
    def events(self) -> Sequence[object]: ...


class Heard(NamedTuple):
    events: list[object]
    error: bool
    closed: bool


def sliced(data: bytes, sizes: list[int]) -> list[bytes]:
    """data in slices of these sizes, over and over."""
    parts: list[bytes] = []
    start = 0
    while start < len(data):
        parts.append(data[start : start + sizes[len(parts) % len(sizes)]])
        start += len(parts[-1])
    return parts


def feed(hearer: Hearer, parts: list[bytes], check: Callable[[], None]) -> Heard:
    """What becomes of it; check is called after each part. Whatever is raised but ProtocolError fails the test."""
    error = ""
    for part in parts:
        try:
            hearer.receive_data(part, NOW)
        except ProtocolError as refusal:
            assert not error, "it was closed already"
            assert hearer.closed
            error = str(refusal)
            assert 0 < len(error) < 400 and error.isprintable()
        check()
    return Heard([comparable(event) for event in hearer.events()], bool(error), hearer.closed)


def comparable(event: object) -> object:
    """Where the slices end decides how much of a wrong beginning its refusal quotes."""
    return Close(event.code, event.reason.partition(", got b'")[0]) if isinstance(event, Close) else event


def parsed(data: bytes) -> list[Message]:
    """What a connection has said, which must be right to the last byte."""
    messages = []
    while data:
        header = wire.decode_header(data)
        end = wire.HEADER.size + header.length
        assert len(data) >= end
        messages.append(wire.decode(header, data[wire.HEADER.size : end]))
        data = data[end:]
    return messages


# Our own dialect


@pytest.mark.parametrize(("end", "state"), [(end, state) for end in ENDS for state in State])
@fuzz
@given(conversation, slices)
def test_any_bytes_in_any_slicing(end: type[Connection], state: State, data: bytes, sizes: list[int]) -> None:
    whole, in_parts = at(end, state), at(end, state)

    def stores_no_more_than_it_must() -> None:
        if len(in_parts._in) >= wire.HEADER.size:
            header = wire.decode_header(in_parts._in)
            assert header.kind in end.expected[in_parts.state]
            assert len(in_parts._in) < wire.HEADER.size + header.length
        assert in_parts._skip <= wire.HEADER.size + wire.MAX_OPTIONAL

    expected = feed(whole, [data], lambda: None)
    assert feed(in_parts, sliced(data, sizes), stores_no_more_than_it_must) == expected
    answers = parsed(whole.data_to_send())
    assert list(map(type, parsed(in_parts.data_to_send()))) == list(map(type, answers))
    closings = [message for message in answers if isinstance(message, Close)]
    assert len(closings) <= 1 and (closings or not expected.error)


@fuzz
@given(st.data(), st.integers(0, 400), st.integers(0, 255), slices)
def test_a_whole_session_with_one_byte_changed(data: st.DataObject, position: int, byte: int, sizes: list[int]) -> None:
    """Both directions of a session with a key, from the first byte on."""
    secret: dict[str, Any] = {"key": bytes(32), "fingerprint": b"f" * 32}
    link = Link(device(**secret, key_needed=True), viewer(**secret))
    link.run()
    for kind in (Kind.STATUS, Kind.FRAME, Kind.RESULT):
        link.say(link.device, data.draw(MESSAGES[kind]))
    for kind in (Kind.WATCH, Kind.COMMAND, Kind.PING):
        link.say(link.viewer, data.draw(MESSAGES[kind]))
    for fresh, record in ((device(**secret, key_needed=True), link.to_device), (viewer(**secret), link.to_viewer)):
        heard = feed(fresh, sliced(mutated(bytes(record), position, byte), sizes), lambda: None)
        assert len(heard.events) <= 9
        assert parsed(fresh.data_to_send())


@pytest.mark.parametrize("kind", Kind)
@fuzz
@given(st.data())
def test_what_may_be_sent_comes_through(kind: Kind, data: st.DataObject) -> None:
    message = data.draw(MESSAGES[kind])
    assert parsed(wire.encode(message)) == [message]


@pytest.mark.parametrize("kind", Kind)
@fuzz
@given(flags=u16, payload=st.binary(max_size=120))
def test_any_payload(kind: Kind, flags: int, payload: bytes) -> None:
    header = wire.Header(VERSIONS[1], kind, flags, 1, 2, len(payload))
    try:
        message = wire.decode(header, memoryview(payload))
    except ProtocolError as refusal:
        assert str(refusal)
    else:
        repr(message)  # for the log
        wire.encode(message)


@settings(fuzz, max_examples=400)
@given(wild_json)
def test_any_status(payload: bytes) -> None:
    """What is accepted can be shown, and told on as the JSON that everybody knows."""
    try:
        status = wire.decode(wire.Header(1, Kind.STATUS, 0, 0, 0, len(payload)), payload)
    except ProtocolError as refusal:
        assert 0 < len(str(refusal)) < 200
    else:
        json.dumps(asdict(status), allow_nan=False)
        assert repr(status).isprintable()


# The article's


any_layout = st.sampled_from(list(LAYOUTS.values()))
article_request = st.builds(
    lambda layout, value, width, height, more: layout.pack(value, width, height) + more,
    any_layout,
    st.integers(880, 2000),
    *[st.integers(-1, 32767) | st.integers(1, 700)] * 2,
    st.binary(max_size=30),
)


@fuzz
@given(article_request | st.binary(max_size=30), slices)
def test_any_request(data: bytes, sizes: list[int]) -> None:
    whole, in_parts = LegacyServer(), LegacyServer()

    def stores_no_more_than_a_request() -> None:
        assert len(in_parts._in) <= 12

    expected = feed(whole, [data], lambda: None)
    assert feed(in_parts, sliced(data, sizes), stores_no_more_than_a_request) == expected
    if expected.events:
        assert len(whole.frame_header(1000)) in LAYOUTS


picture = st.binary(max_size=60).map(lambda rest: b"\xff\xd8" + rest + b"\xff\xd9")
article_frame = st.builds(
    lambda layout, jpeg, w, h: layout.pack(len(jpeg), w, h) + jpeg,
    any_layout,
    picture,
    st.integers(-1, 32767),
    st.integers(1, 700),
)
broken_frame = st.builds(mutated, article_frame, u16, st.integers(0, 255))
article_server = st.lists(article_frame | article_frame | broken_frame | st.binary(max_size=40), max_size=6).map(
    b"".join
)


@fuzz
@given(article_server, slices)
def test_any_server(data: bytes, sizes: list[int]) -> None:
    whole, in_parts = LegacyViewer(Watch(), 8), LegacyViewer(Watch(), 8)

    def stores_less_than_a_frame() -> None:
        kept = in_parts._in
        if len(kept) >= 12:
            length = struct.unpack_from("<i", kept)[0]
            assert len(kept) < 12 + length <= 12 + MAX_JPEG

    expected = feed(whole, [data], lambda: None)
    assert feed(in_parts, sliced(data, sizes), stores_less_than_a_frame) == expected
    assert whole.frames_received == sum(isinstance(event, Frame) for event in expected.events)
