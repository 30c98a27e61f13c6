"""The dialect of the article that lenswire began as, without its socket, both roles. PROTOCOL.md describes it.

All that either side ever says is pictures, and three numbers as C lays out a long and two shorts on that machine.
There is no refusal in words, no credit and no clock: whoever is not content hangs up.
"""

from __future__ import annotations

import math
import struct

from lenswire.errors import LocalProtocolError, ProtocolError
from lenswire.messages import MAX_FPS, MAX_JPEG, Close, CloseCode, Frame, Message, Watch

# Python's native struct "lhh", by its size: Windows and 32-bit systems have 8 bytes, 64-bit Linux has 12.
LAYOUTS = {8: struct.Struct("<lhh"), 12: struct.Struct("<qhh")}
REQUEST_BASE = 888  # the client says 888 + fps; the article's server hangs up on anything that is not more than 888
# A picture is scaled up to whatever was asked for: 4K is 12 MB of planes, the most that shorts can ask for 1.6 GB.
MAX_PIXELS = 3840 * 2160
MAX_SHORT = 32767
SMALLEST_JPEG = 4  # bytes: its start and its end
SOI = b"\xff\xd8"  # how every JPEG begins
TLS = b"\x16\x03"

# What the viewer asks for where its Watch leaves the choice open: the article's size; and 80, which the article's
# server uses as JPEG quality, though both call it fps, and ours as a rate that few cameras reach.
WIDTH, HEIGHT, NUMBER = 640, 480, 80


def looks_legacy(first4: bytes) -> bool:
    """Whether a connection that begins with these 4 bytes speaks the article's dialect, and not TLS nor ours."""
    value = int.from_bytes(first4, "little", signed=True)
    return 0 <= value <= REQUEST_BASE + MAX_FPS and not first4.startswith(TLS)


class LegacyServer:
    """Device role: one request comes in, headers go out. Lacks everything else that `ends.DeviceConnection` has."""

    def __init__(self) -> None:
        self.closed = False
        self._in = bytearray()
        self._events: list[Watch] = []
        self._watch: Watch | None = None
        self._layout = LAYOUTS[8]

    def receive_data(self, data: bytes | bytearray | memoryview, now: int = 0) -> None:
        """Take in what the socket gave. Raises ProtocolError when the request is refused: hang up, as the article does.
        What comes after the request is thrown away: the article's server never reads it."""
        if self.closed or self._watch:
            return
        self._in += data[: max(LAYOUTS) - len(self._in)]
        try:
            self._read_request()
        except ProtocolError:
            self.closed = True
            raise

    def events(self) -> list[Watch]:
        """The request, once: a Watch whose width and height are to be met exactly."""
        events, self._events = self._events, []
        return events

    def frame_header(self, jpeg_length: int) -> bytes:
        """What goes in front of a JPEG of so many bytes, in the client's own layout."""
        if self._watch is None:
            raise LocalProtocolError("no frame before the request")
        return self._layout.pack(jpeg_length, self._watch.width, self._watch.height)

    def _read_request(self) -> None:
        layout = _layout(self._in)
        if layout is None:
            return
        value, width, height = layout.unpack_from(self._in)
        if value <= REQUEST_BASE:
            raise ProtocolError(f"legacy request: expected more than {REQUEST_BASE}, got {value}")
        if min(width, height) < 1 or width * height > MAX_PIXELS:
            raise ProtocolError(f"legacy request: expected 1x1 to {MAX_PIXELS} pixels, got {width}x{height}")
        self._layout, self._watch = layout, Watch(width, height, fps=value - REQUEST_BASE)
        self._events.append(self._watch)


class LegacyViewer:
    """Viewer role: watches the article's own server. layout: 8 or 12 bytes, what the server's machine reads; the other
    one makes it hang up.

    It has the receiving side of `ends.ViewerConnection`. It lacks a greeting (no Welcome: the first Frame is the first
    sign that all is well) and send(): no ping, so no clock, and a frame's `captured` is when it came; no credit.
    """

    def __init__(self, watch: Watch, layout: int) -> None:
        self.closed = False
        self.heard = 0
        self.frames_received = 0
        self._in = bytearray()
        self._events: list[Message] = []
        number = watch.quality or math.ceil(watch.fps) or NUMBER
        width, height = (min(side, MAX_SHORT) for side in (watch.width or WIDTH, watch.height or HEIGHT))
        self._out = LAYOUTS[layout].pack(REQUEST_BASE + number, width, height)

    def receive_data(self, data: bytes | bytearray | memoryview, now: int) -> None:
        """Take in what the socket gave. Raises ProtocolError, and nothing else, on what is not a picture."""
        if self.closed:
            return
        self.heard = now
        self._in += data
        try:
            while frame := self._next_frame(now):
                self._events.append(frame)
        except ProtocolError as error:
            self.close(CloseCode.BROKEN, str(error))
            raise

    def events(self) -> list[Message]:
        """What has come in since the last call, in order; Close once this side has closed."""
        events, self._events = self._events, []
        return events

    def data_to_send(self) -> bytes:
        """The request, once."""
        data, self._out = self._out, b""
        return data

    def close(self, code: CloseCode = CloseCode.BYE, reason: str = "") -> None:
        """End: nothing more is heard, and the server is not told. Again is no error."""
        if not self.closed:
            self.closed = True
            self._in.clear()
            self._out = b""
            self._events.append(Close(code, reason))

    def _next_frame(self, now: int) -> Frame | None:
        layout = _layout(self._in)
        if layout is None:
            return None
        length, width, height = layout.unpack_from(self._in)
        begin, end = layout.size, layout.size + length
        if not SMALLEST_JPEG <= length <= MAX_JPEG or min(width, height) < 1:
            raise ProtocolError(f"not the article's server: its picture has {length} bytes and {width}x{height} pixels")
        if not SOI.startswith(self._in[begin : begin + len(SOI)]):
            raise ProtocolError("not the article's server: expected a JPEG after the header")
        if len(self._in) < end:
            return None
        jpeg = memoryview(self._in[begin:end]).toreadonly()
        del self._in[:end]
        self.frames_received += 1
        return Frame(self.frames_received & 0xFFFFFFFF, now, 0, width, height, 0, 0, jpeg)


def _layout(raw: bytearray) -> struct.Struct | None:
    """The layout of the three numbers that `raw` begins with; None until they are complete.

    Bytes 4 to 8 are the sizes in the short layout, never both 0, and the upper half of a small number in the long one.
    """
    layout = LAYOUTS[8 if any(raw[4:8]) else 12]
    return layout if len(raw) >= layout.size else None
