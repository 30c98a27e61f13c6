"""A webcam made of software, plugged into QEMU's usb-redir port: the guest's own uvcvideo makes a /dev/video of it.

It speaks the usbredir protocol (its side is the 'usb-host', little-endian) over the port's UNIX socket. Connecting is
plugging in, closing is pulling out. Frames go over one bulk endpoint: uvcvideo and libcamera both take that.
"""

from __future__ import annotations

import collections
import contextlib
import enum
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import uvc

# What QEMU's xHCI asks of its peer: ep_info_max_packet_size, 64bits_ids, 32bits_bulk_length.
CAPABILITIES = 1 << 4 | 1 << 5 | 1 << 6


class Kind(enum.IntEnum):
    """usbredir's packets, those that are met here."""

    HELLO = 0
    CONNECT = 1
    RESET = 3
    INTERFACES = 4
    ENDPOINTS = 5
    SET_CONFIGURATION = 6
    GET_CONFIGURATION = 7
    CONFIGURED = 8
    SET_ALTERNATE = 9
    GET_ALTERNATE = 10
    ALTERNATE = 11
    CANCEL = 21
    CONTROL = 100
    BULK = 101


CANCELLED, STALL = 1, 4
UNUSED = 255

# Frames by format, each as it goes over the wire.
Frames = Mapping[tuple[str, int, int], Sequence[bytes]]


class UsbCamera:
    """Plugged in from its making to its close().

    frames: the pictures of each (format, width, height), shown in a circle; may be replaced while it runs.
    frozen: while true it stays plugged in and gives no frame, as a camera whose firmware hangs.
    """

    def __init__(self, port: Path, frames: Frames, rates: Sequence[int] = (30, 15, 5)) -> None:
        self.frames, self.frozen, self.sent = frames, False, 0
        formats = list(dict.fromkeys(form for form, _, _ in frames))
        sizes = list(dict.fromkeys((width, height) for _, width, height in frames))
        self._descriptors = uvc.Descriptors(formats, sizes, rates)
        self._mode, self._control_answer = self._descriptors.negotiate(b"")
        self._waiting: collections.deque[tuple[int, int]] = collections.deque()  # requests for bulk data: id, room
        self._turn = threading.Condition(threading.RLock())
        self._sending = threading.Lock()
        self._streaming = self._closed = False
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(port))
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._answer, self._stream)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Pull it out. A second call is no error."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        self._socket.close()

    # The two threads

    def _answer(self) -> None:
        """Answer what the driver asks, until the plug is pulled."""
        with contextlib.suppress(EOFError, OSError):
            self._socket.sendall(struct.pack("<III64sI", Kind.HELLO, 68, 0, b"lenswire", CAPABILITIES))
            header = 12  # only the first one is so short: 64-bit ids hold from then on
            while True:
                kind, length, ident = struct.unpack("<IIQ", self._receive(header).ljust(16, b"\0"))
                header = 16
                self._handle(kind, ident, self._receive(length))
        with self._turn:
            self._closed = True
            self._turn.notify_all()

    def _stream(self) -> None:
        """Give a frame at each of the rate's ticks, as UVC payloads in the waiting bulk requests."""
        toggle = number = 0
        due = time.monotonic()
        with contextlib.suppress(OSError):
            while self._wait_for(lambda: self._streaming):
                mode = self._mode
                due = max(due + mode.interval / uvc.CLOCK, time.monotonic() - 0.2)
                time.sleep(max(0.0, due - time.monotonic()))
                if not self.frozen:
                    pictures = self.frames[mode.format, mode.width, mode.height]
                    self.sent += self._give(pictures[number % len(pictures)], toggle)
                    number, toggle = number + 1, toggle ^ 1

    def _give(self, frame: bytes, toggle: int) -> bool:
        position = 0
        while position < len(frame):
            if not self._wait_for(lambda: self._waiting or not self._streaming):
                return False
            with self._turn:
                if not self._streaming:
                    return False
                ident, room = self._waiting.popleft()
            part = frame[position : position + min(room, uvc.LARGEST_PAYLOAD) - 2]
            position += len(part)
            end = 2 if position == len(frame) else 0
            self._bulk(ident, bytes([2, 0x80 | end | toggle]) + part)
        return True

    def _wait_for(self, condition: Callable[[], object]) -> bool:
        """False when the plug has been pulled."""
        with self._turn:
            self._turn.wait_for(lambda: self._closed or condition())
            return not self._closed

    # usbredir

    def _handle(self, kind: int, ident: int, body: bytes) -> None:
        match kind:
            case Kind.HELLO:
                self._tables()
                self._send(Kind.CONNECT, 0, struct.pack("<BBBBHH", 2, 0xEF, 2, 1, 0x1D6B, 0x0102))  # high speed
            case Kind.RESET:
                self._run(False)
            case Kind.SET_CONFIGURATION | Kind.GET_CONFIGURATION:
                self._tables()
                self._send(Kind.CONFIGURED, ident, b"\0\1")
            case Kind.SET_ALTERNATE:
                self._send(Kind.ALTERNATE, ident, bytes([0, body[0], body[1]]))
            case Kind.GET_ALTERNATE:
                self._send(Kind.ALTERNATE, ident, bytes([0, body[0], 0]))
            case Kind.CANCEL:
                if self._cancel(ident):
                    self._bulk(ident, b"", CANCELLED)
            case Kind.CONTROL:
                self._answer_control(ident, body)
            case Kind.BULK:
                low, high = struct.unpack_from("<H", body, 2)[0], struct.unpack_from("<H", body, 8)[0]
                with self._turn:
                    self._waiting.append((ident, low | high << 16))
                    self._turn.notify_all()

    def _tables(self) -> None:
        """Which interfaces and endpoints there are: 0 is control, 1 in is bulk."""

        def table(*values: int) -> bytes:
            return bytes(values).ljust(32, b"\0")

        self._send(Kind.INTERFACES, 0, struct.pack("<I", 2) + table(0, 1) + table(14, 14) + table(1, 2) + table(0, 0))
        kinds, interfaces, sizes = bytearray([UNUSED] * 32), bytearray(32), [0] * 32
        kinds[0] = kinds[16] = 0
        sizes[0] = sizes[16] = 64
        kinds[17], interfaces[17], sizes[17] = 2, 1, 512
        self._send(Kind.ENDPOINTS, 0, bytes(kinds) + bytes(32) + bytes(interfaces) + struct.pack("<32H", *sizes))

    def _answer_control(self, ident: int, body: bytes) -> None:
        endpoint, request, kind, _, value, index, length = struct.unpack_from("<BBBBHHH", body)
        answer = self._control(kind, request, value, index, body[10:])
        status = STALL if answer is None else 0
        data = (answer or b"")[:length] if kind & 0x80 else b""
        count = len(data) if kind & 0x80 or status else length
        self._send(
            Kind.CONTROL, ident, struct.pack("<BBBBHHH", endpoint, request, kind, status, value, index, count) + data
        )

    def _cancel(self, ident: int) -> bool:
        with self._turn:
            found = [request for request in self._waiting if request[0] == ident]
            for request in found:
                self._waiting.remove(request)
            if found and not self._waiting:
                self._run(False)  # the driver took its last request back: it has stopped
        return bool(found)

    def _bulk(self, ident: int, data: bytes, status: int = 0) -> None:
        low, high = len(data) & 0xFFFF, len(data) >> 16
        self._send(Kind.BULK, ident, struct.pack("<BBHIH", uvc.ENDPOINT, status, low, 0, high) + data)

    def _send(self, kind: int, ident: int, body: bytes) -> None:
        with self._sending:
            self._socket.sendall(struct.pack("<IIQ", kind, len(body), ident) + body)

    def _receive(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    # The camera

    def _control(self, kind: int, request: int, value: int, index: int, data: bytes) -> bytes | None:
        """The answer to a control request; None to refuse it."""
        if (kind, request) == (0x80, 6):
            return self._descriptors.get(value >> 8, value & 255)
        if kind & 0x60 == 0:
            if (kind, request, index) == (2, 1, uvc.ENDPOINT):  # CLEAR_FEATURE(HALT): the driver stops the stream
                self._run(False)
            return {0: b"\0\0" if kind & 0x80 else b"", 8: b"\1", 10: b"\0"}.get(request, b"")
        if index & 255 == 1 and value >> 8 in (1, 2):  # probe or commit, of the streaming interface
            return self._video_control(request, value >> 8 == 2, data)
        return None

    def _video_control(self, request: int, commit: bool, data: bytes) -> bytes:
        set_current, get_length, get_info = 0x01, 0x85, 0x86
        if request == set_current:
            self._mode, self._control_answer = self._descriptors.negotiate(data)
            if commit:
                self._run(True)
            return b""
        return {get_info: b"\x03", get_length: struct.pack("<H", 26)}.get(request, self._control_answer)

    def _run(self, on: bool) -> None:
        with self._turn:
            self._streaming = on
            self._turn.notify_all()
