"""Messages <-> bytes. No state, no I/O.

PROTOCOL.md is the specification; its examples are this file's tests. All numbers are big-endian and unaligned.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from lenswire.errors import ProtocolError
from lenswire.messages import (
    MAX_JPEG,
    MAX_NAME,
    MAX_STATUS,
    MAX_TEXT,
    MAX_WINDOW,
    NONCE,
    PROOF,
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
    clip,
    printable,
)
from lenswire.status import from_json, to_json

MAGIC = b"LENS"
HEADER = struct.Struct(">4sBBHIQI")  # magic, version, kind, flags, sequence, time, length
_CREDIT = struct.Struct(">6sHI8xI")  # the same: its mark, window, received, length
_PING = struct.Struct(">6s14xIQ")  # its mark, length, time of sending
CREDIT_SIZE = HEADER.size  # of a CREDIT alone; whatever else a viewer may say has a payload
FRAME = struct.Struct(">IHHII")  # rendition, width, height, encode begin, encode end
_FRAME_HEAD = struct.Struct(HEADER.format + FRAME.format[1:])
JPEG_OFFSET = HEADER.size + FRAME.size  # where the picture begins in an encoded frame

# From here up whoever does not know a kind may skip it; an unknown one below is an error.
FIRST_OPTIONAL_KIND = 128

MAX_PAYLOAD = {
    Kind.HELLO: 2 + NONCE + MAX_NAME,
    Kind.PROOF: PROOF,
    Kind.WELCOME: 0,
    Kind.WATCH: 9,
    Kind.CREDIT: 0,
    Kind.FRAME: FRAME.size + MAX_JPEG,
    Kind.PING: 8,
    Kind.PONG: 8,
    Kind.STATUS: MAX_STATUS,
    Kind.COMMAND: 1,
    Kind.RESULT: MAX_TEXT,
    Kind.CLOSE: 2 + MAX_TEXT,
}
UNVERSIONED = {Kind.HELLO, Kind.CLOSE}  # their layout is the same in all versions; they carry version 0
MAX_OPTIONAL = 4096  # bytes of a message that is going to be skipped

# For each of the 256 kinds, one more than the longest payload; 0 for a kind that is not known.
_CAPS = [MAX_PAYLOAD.get(kind, MAX_OPTIONAL if kind >= FIRST_OPTIONAL_KIND else -1) + 1 for kind in range(256)]  # type: ignore[call-overload]


class Header(NamedTuple):
    """The 24 bytes in front of every message."""

    version: int
    kind: int
    flags: int
    sequence: int
    time: int
    length: int


def decode_header(raw: bytes | bytearray | memoryview) -> Header:
    """24 bytes -> Header. Raises ProtocolError on a wrong magic, an unknown kind, or a length over its kind's cap."""
    magic, *rest = HEADER.unpack_from(raw)
    if magic != MAGIC:
        check_magic(raw)
    header = Header._make(rest)
    cap = _CAPS[header.kind]
    if not cap:
        raise ProtocolError(f"unknown kind of message: {header.kind}")
    if header.length >= cap:
        raise ProtocolError(f"{kind_name(header.kind)}: length {header.length} is over the limit of {cap - 1} bytes")
    return header


def _text(raw: bytes | memoryview, what: str) -> str:
    """Text for a person: UTF-8, made safe to print (a peer must not move our terminal's cursor)."""
    try:
        return printable(str(raw, "utf-8"))
    except UnicodeDecodeError as error:
        raise ProtocolError(f"{what} is not UTF-8 (byte {error.start})") from None


def check_magic(raw: bytes | bytearray | memoryview) -> None:
    """Raises ProtocolError as soon as these cannot be the first bytes of a message."""
    begin = bytes(raw[: len(MAGIC)])
    if not MAGIC.startswith(begin):
        raise ProtocolError(f"not a lenswire message: expected it to begin with {MAGIC!r}, got {begin!r}")


def kind_name(kind: int) -> str:
    return Kind(kind).name if kind in MAX_PAYLOAD else f"kind {kind}"


def decode(header: Header, payload: bytes | memoryview) -> Message:
    """Header and payload (header.length bytes) -> message. Raises ProtocolError, naming what is wrong."""
    try:
        return _DECODERS[Kind(header.kind)](header, payload)
    except struct.error:
        raise ProtocolError(f"{kind_name(header.kind)}: too short ({len(payload)} bytes)") from None


def _about(m: Frame) -> bytes:
    return FRAME.pack(m.rendition, m.width, m.height, m.encode_begin, m.encode_end)


def mark_of(kind: Kind, version: int) -> bytes:
    """What a message begins with, for leading_credit() and lone_ping()."""
    return HEADER.pack(MAGIC, version, kind, 0, 0, 0, 0)[:6]


def leading_credit(data: bytes | bytearray | memoryview, mark: bytes) -> tuple[int, int] | None:
    """What a Credit says (received, window), if these bytes begin with one: nearly all that a device hears."""
    if len(data) < CREDIT_SIZE:
        return None
    begin, window, received, length = _CREDIT.unpack_from(data)
    return (received, window) if begin == mark and not length and window <= MAX_WINDOW else None


def lone_ping(data: bytes | bytearray | memoryview, mark: bytes) -> int | None:
    """The time in a Ping, if these bytes are one and nothing else: nearly all the rest."""
    if len(data) != _PING.size:
        return None
    begin, length, time = _PING.unpack(data)
    return time if begin == mark and length == MAX_PAYLOAD[Kind.PING] else None


def decode_frame(data: bytes) -> Frame:
    """What encode_frame() made; its JPEG is a memoryview of it."""
    return _decode_frame(decode_header(data), memoryview(data)[HEADER.size :])


def encode(message: Message, version: int = VERSIONS[1]) -> bytes:
    """Message -> bytes, header included. HELLO and CLOSE carry version 0: their layout is the same in all versions."""
    kind, flags, sequence, time, *payload = _ENCODERS[type(message)](message)
    if kind in UNVERSIONED:
        version = 0
    head = HEADER.pack(MAGIC, version, kind, flags, sequence, time, sum(map(len, payload)))
    return b"".join((head, *payload))


def encode_frame(sequence: int, captured: int, about: tuple[int, ...], jpeg: bytes | memoryview) -> bytes:
    """A Frame's bytes without making one: the picture is copied once. about: as FRAME has it. Raises ValueError."""
    if len(jpeg) > MAX_JPEG:
        raise ValueError(f"frame: {len(jpeg)} bytes of JPEG, the limit is {MAX_JPEG}")
    length = FRAME.size + len(jpeg)
    head = _FRAME_HEAD.pack(MAGIC, VERSIONS[1], Kind.FRAME, 0, sequence, captured, length, *about)
    return b"".join((head, jpeg))


def _decode_hello(header: Header, payload: bytes | memoryview) -> Hello:
    lowest, highest, nonce = struct.unpack_from(f">BB{NONCE}s", payload)
    name = _text(payload[2 + NONCE :], "hello: name")
    return Hello(lowest, highest, clip(name, MAX_NAME).decode(), nonce, bool(header.flags & 1))


def _decode_watch(header: Header, payload: bytes | memoryview) -> Watch:
    width, height, millihertz, quality = struct.unpack_from(">HHIB", payload)
    return Watch(width, height, millihertz / 1000, quality)


def _decode_frame(header: Header, payload: bytes | memoryview) -> Frame:
    rendition, width, height, begin, end = FRAME.unpack_from(payload)
    return Frame(header.sequence, header.time, rendition, width, height, begin, end, payload[FRAME.size :])


def _decode_command(header: Header, payload: bytes | memoryview) -> Command:
    verb = struct.unpack_from(">B", payload)[0]
    if verb not in list(Verb):
        raise ProtocolError(f"command: unknown verb {verb}")
    return Command(header.sequence, Verb(verb))


_DECODERS: dict[Kind, Callable[[Header, bytes | memoryview], Message]] = {
    Kind.HELLO: _decode_hello,
    Kind.PROOF: lambda header, payload: Proof(bytes(payload)),
    Kind.WELCOME: lambda header, payload: Welcome(bool(header.flags & 1)),
    Kind.WATCH: _decode_watch,
    Kind.CREDIT: lambda header, payload: Credit(header.sequence, header.flags),
    Kind.FRAME: _decode_frame,
    Kind.PING: lambda header, payload: Ping(struct.unpack_from(">Q", payload)[0]),
    Kind.PONG: lambda header, payload: Pong(struct.unpack_from(">Q", payload)[0], header.time),
    Kind.STATUS: lambda header, payload: from_json(payload),
    Kind.COMMAND: _decode_command,
    Kind.RESULT: lambda header, payload: Result(
        header.sequence, bool(header.flags & 1), _text(payload, "result: text")
    ),
    Kind.CLOSE: lambda header, payload: Close(
        struct.unpack_from(">H", payload)[0], _text(payload[2:], "close: reason")
    ),
}

# Message -> kind, flags, sequence, time, and the payload in one part or more: a picture is copied once only.
_ENCODERS: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    Hello: lambda m: (Kind.HELLO, m.key_needed, 0, 0, bytes((m.lowest, m.highest)) + m.nonce + m.name.encode()),
    Proof: lambda m: (Kind.PROOF, 0, 0, 0, m.mac),
    Welcome: lambda m: (Kind.WELCOME, m.may_command, 0, 0, b""),
    Watch: lambda m: (
        Kind.WATCH,
        0,
        0,
        0,
        struct.pack(">HHIB", m.width, m.height, max(round(m.fps * 1000), m.fps > 0), m.quality),
    ),
    Credit: lambda m: (Kind.CREDIT, m.window, m.received & 0xFFFFFFFF, 0, b""),
    Frame: lambda m: (Kind.FRAME, 0, m.sequence, m.captured, _about(m), m.jpeg),
    Ping: lambda m: (Kind.PING, 0, 0, 0, struct.pack(">Q", m.time)),
    Pong: lambda m: (Kind.PONG, 0, 0, m.time, struct.pack(">Q", m.echo)),
    Status: lambda m: (Kind.STATUS, 0, 0, 0, to_json(m)),
    Command: lambda m: (Kind.COMMAND, 0, m.number, 0, bytes((m.verb,))),
    Result: lambda m: (Kind.RESULT, m.ok, m.number, 0, clip(m.text, MAX_TEXT)),
    Close: lambda m: (Kind.CLOSE, 0, 0, 0, struct.pack(">H", m.code) + clip(m.reason, MAX_TEXT)),
}
