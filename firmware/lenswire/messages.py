"""What is said on the wire: the messages, as frozen dataclasses that check themselves, and every limit.

`wire` turns them into bytes and back.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from lenswire.errors import ProtocolError

VERSIONS = (2, 2)  # lowest and highest protocol version that this code speaks
NONCE = PROOF = 32  # bytes: as many as SHA-256 gives

# The largest pictures known to a Pi are 64-megapixel stills; at quality 95 they stay under 32 MiB.
MAX_JPEG = 32 << 20
MAX_SIDE = 65535  # a picture's width and height are 16 bits on the wire, and in JPEG itself
MAX_FPS = 1000.0
MAX_WINDOW = 8  # frames in flight: covers 250 ms of round trip at 30 fps, and bounds what a viewer can make us hold
MAX_NAME = 64  # bytes of UTF-8: a host name is at most 63
MAX_TEXT = 1024  # bytes of UTF-8: one sentence for a person
MAX_STATUS = 16 << 10  # 128 viewers in as many renditions take 12 KiB; what would not fit is left out
MAX_COUNT = (1 << 53) - 1  # in a STATUS: the largest number that every JSON reader keeps exactly
U16, U32, U64 = 0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF  # the widest that a field of the wire can hold


class Kind(enum.IntEnum):
    HELLO = 1
    PROOF = 2
    WELCOME = 3
    WATCH = 4
    CREDIT = 5
    FRAME = 6
    PING = 7
    PONG = 8
    STATUS = 9
    COMMAND = 10
    RESULT = 11
    CLOSE = 12


class CloseCode(enum.IntEnum):
    BYE = 0  # the one who closes has finished; nothing is wrong
    VERSION = 1  # no protocol version in common
    KEY = 2  # the proof of the key is wrong
    KEY_NEEDED = 3  # the device wants TLS and its key
    FULL = 4  # as many viewers as the device serves
    BROKEN = 5  # the peer broke the rules of the wire
    SILENT = 6  # the peer said nothing for too long
    STOPPING = 7  # the service on the device is ending
    FORBIDDEN = 8  # not for this viewer


class Verb(enum.IntEnum):
    START = 1
    STOP = 2
    TOGGLE = 3
    SNAPSHOT = 4


def _check(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ProtocolError(f"{what}: expected {low} to {high}, got {value!s:.20}")  # .20: a peer may say 4300 digits


def printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def clip(text: str, limit: int) -> bytes:
    """At most `limit` bytes of UTF-8, cut between characters."""
    return text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore").encode()


@dataclass(frozen=True, slots=True)
class Hello:
    """First message each way: the versions spoken, a name, and a number used once.

    key_needed is the device's: this connection goes no further without TLS and a proof of the key.
    """

    lowest: int
    highest: int
    name: str
    nonce: bytes = field(repr=False)
    key_needed: bool = False

    def __post_init__(self) -> None:
        _check("hello: lowest version", self.lowest, 1, 255)
        _check("hello: highest version", self.highest, self.lowest, 255)
        _check("hello: bytes of nonce", len(self.nonce), NONCE, NONCE)
        _check("hello: bytes of name", len(self.name.encode()), 0, MAX_NAME)


@dataclass(frozen=True, slots=True)
class Proof:
    """The viewer's proof that it knows the key, bound to the device's certificate (see `protocol.proof`)."""

    mac: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check("proof: bytes", len(self.mac), PROOF, PROOF)


@dataclass(frozen=True, slots=True)
class Welcome:
    """The device accepts the viewer; may_command: it may also start, stop, toggle and snapshot."""

    may_command: bool = True


@dataclass(frozen=True, slots=True)
class Watch:
    """The most that a viewer wants: pixels, frames per second, JPEG quality 1-100. 0: no limit, the device's choice."""

    width: int = 0
    height: int = 0
    fps: float = 0.0
    quality: int = 0

    def __post_init__(self) -> None:
        _check("watch: width", self.width, 0, MAX_SIDE)
        _check("watch: height", self.height, 0, MAX_SIDE)
        _check("watch: fps", self.fps, 0, MAX_FPS)
        _check("watch: quality", self.quality, 0, 100)


@dataclass(frozen=True, slots=True)
class Credit:
    """The viewer has received so many frames in all (modulo 2**32) and lets `window` more be in flight."""

    received: int
    window: int

    def __post_init__(self) -> None:
        _check("credit: window", self.window, 0, MAX_WINDOW)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture. It says nothing of who receives it, so its bytes are built once for all viewers.

    sequence       counts the frames that were due in this rendition; a gap is frames that this viewer did not get
    captured       device's CLOCK_MONOTONIC, ns
    rendition      which stream of the device this frame belongs to; another number starts another count
    encode_begin, encode_end   when encoding began and ended, µs after `captured`
    """

    sequence: int
    captured: int
    rendition: int
    width: int
    height: int
    encode_begin: int
    encode_end: int
    jpeg: bytes | memoryview = field(repr=False)

    def __post_init__(self) -> None:
        _check("frame: sequence", self.sequence, 0, U32)
        _check("frame: captured", self.captured, 0, U64)
        _check("frame: rendition", self.rendition, 0, U32)
        _check("frame: width", self.width, 1, MAX_SIDE)
        _check("frame: height", self.height, 1, MAX_SIDE)
        _check("frame: encode begin", self.encode_begin, 0, U32)
        _check("frame: encode end", self.encode_end, 0, U32)
        _check("frame: bytes of JPEG", len(self.jpeg), 1, MAX_JPEG)


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a Pong; `time` is the sender's CLOCK_MONOTONIC, ns."""

    time: int

    def __post_init__(self) -> None:
        _check("ping: time", self.time, 0, U64)


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer: `echo` is the ping's time, `time` the answerer's own CLOCK_MONOTONIC, ns."""

    echo: int
    time: int

    def __post_init__(self) -> None:
        _check("pong: echo", self.echo, 0, U64)
        _check("pong: time", self.time, 0, U64)


@dataclass(frozen=True, slots=True)
class Status:
    """What the device is doing. Sent at each change of state, and every few seconds.

    fps is measured at the camera; captured and dropped count its frames since it was opened. A rendition is a
    JSON object: id, width, height, fps, quality, viewers, made (frames encoded).
    """

    state: str
    reason: str = ""
    camera: str = ""
    encoder: str = ""
    encoder_reason: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    captured: int = 0
    dropped: int = 0
    viewers: int = 0
    renditions: tuple[dict[str, Any], ...] = ()
    uptime: float = 0.0
    version: str = ""

    def __post_init__(self) -> None:
        for name in ("width", "height", "fps", "captured", "dropped", "viewers", "uptime"):
            _check(f"status: {name}", getattr(self, name), 0, MAX_COUNT)


@dataclass(frozen=True, slots=True)
class Command:
    """Asks the device to do something; `number` comes back in the Result."""

    number: int
    verb: Verb

    def __post_init__(self) -> None:
        _check("command: number", self.number, 0, U32)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of the Command with the same number, in words."""

    number: int
    ok: bool
    text: str = ""

    def __post_init__(self) -> None:
        _check("result: number", self.number, 0, U32)


@dataclass(frozen=True, slots=True)
class Close:
    """The last message: why the sender ends the connection."""

    code: int
    reason: str = ""

    def __post_init__(self) -> None:
        _check("close: code", self.code, 0, U16)


Message: TypeAlias = Hello | Proof | Welcome | Watch | Credit | Frame | Ping | Pong | Status | Command | Result | Close
