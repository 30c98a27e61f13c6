"""What a USB webcam says of itself: UVC 1.0 descriptors and the negotiation of a mode. Bytes only, no I/O.

Numbers from the "USB Device Class Definition for Video Devices" 1.0a and its payload documents for MJPEG and
uncompressed video.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

ENDPOINT = 0x81  # bulk, to the host
# uvcvideo reads a bulk endpoint in pieces of at most 32 packets of 512 bytes.
LARGEST_PAYLOAD = 16384
CLOCK = 10_000_000  # UVC counts frame intervals in 100 ns

_GUID_TAIL = bytes.fromhex("00001000800000aa00389b71")
# Uncompressed formats: their GUID and bits per pixel.
RAW = {"yuyv": (b"YUY2" + _GUID_TAIL, 16), "i420": (b"I420" + _GUID_TAIL, 12)}
STRINGS = (None, "lenswire", "Virtual USB Camera", "0001")


@dataclass(frozen=True)
class Mode:
    """What the driver chose. interval: of frames, in 100 ns."""

    format: str
    width: int
    height: int
    interval: int


class Descriptors:
    """Of a camera with these formats ("mjpeg", "yuyv", "i420"), sizes and rates, the first of each its default."""

    def __init__(self, formats: Sequence[str], sizes: Sequence[tuple[int, int]], rates: Sequence[int]) -> None:
        self._formats, self._sizes = formats, sizes
        self._intervals = [CLOCK // rate for rate in rates]
        self._device = _le("BBHBBBBHHHBBBB", 18, 1, 0x0200, 0xEF, 2, 1, 64, 0x1D6B, 0x0102, 0x0100, 1, 2, 3, 1)
        self._configuration = self._configure()

    def get(self, kind: int, index: int) -> bytes | None:
        """The answer to GET_DESCRIPTOR; None for what this device does not have."""
        match kind:
            case 1:
                return self._device
            case 2:
                return self._configuration
            case 3 if index == 0:
                return _le("BBH", 4, 3, 0x0409)
            case 3 if index < len(STRINGS):
                text = str(STRINGS[index]).encode("utf-16-le")
                return _le("BB", 2 + len(text), 3) + text
            case 6:  # of the device at its other speed
                return _le("BBHBBBBBB", 10, 6, 0x0200, 0xEF, 2, 1, 64, 1, 0)
        return None

    def negotiate(self, wish: bytes) -> tuple[Mode, bytes]:
        """The mode nearest to a video probe control, and that control as the device would have it."""
        hint, form, size, interval = struct.unpack_from("<HBBI", wish.ljust(26, b"\0"))
        form = form if 1 <= form <= len(self._formats) else 1
        size = size if 1 <= size <= len(self._sizes) else 1
        wanted = interval or self._intervals[0]
        interval = min(self._intervals, key=lambda known: abs(known - wanted))
        mode = Mode(self._formats[form - 1], *self._sizes[size - 1], interval)
        largest = frame_size(mode.format, mode.width, mode.height)
        delay = 50
        answer = _le("HBBIHHHHHII", hint, form, size, interval, 0, 0, 0, 0, delay, largest, LARGEST_PAYLOAD)
        return mode, answer

    # Inside

    def _configure(self) -> bytes:
        camera = _le("BBBBHBBHHHB3s", 18, 0x24, 2, 1, 0x0201, 0, 0, 0, 0, 0, 3, b"")
        processing = _le("BBBBBHB3sB", 12, 0x24, 5, 2, 1, 0, 3, b"", 0)
        output = _le("BBBBHBBB", 9, 0x24, 3, 3, 0x0101, 0, 2, 0)
        units = camera + processing + output
        control = _le("BBBHHIBB", 13, 0x24, 1, 0x0100, 13 + len(units), 48_000_000, 1, 1) + units
        formats = b"".join(self._format(number, name) for number, name in enumerate(self._formats, 1))
        count = len(self._formats)
        header = _le("BBBBHBBBBBBB", 13 + count, 0x24, 1, count, 13 + count + len(formats), ENDPOINT, 0, 3, 0, 0, 0, 1)
        streaming = header + bytes(count) + formats
        body = (
            _le("BBBBBBBB", 8, 11, 0, 2, 0x0E, 3, 0, 2)  # the two interfaces belong together
            + _le("BBBBBBBBB", 9, 4, 0, 0, 0, 0x0E, 1, 0, 2)
            + control
            + _le("BBBBBBBBB", 9, 4, 1, 0, 1, 0x0E, 2, 0, 0)
            + streaming
            + _le("BBBBHB", 7, 5, ENDPOINT, 2, 512, 0)
        )
        return _le("BBHBBBBB", 9, 2, 9 + len(body), 2, 1, 0, 0x80, 250) + body

    def _format(self, number: int, name: str) -> bytes:
        if name == "mjpeg":
            head = _le("BBBBBBBBBBB", 11, 0x24, 6, number, len(self._sizes), 1, 1, 0, 0, 0, 0)
        else:
            guid, bits = RAW[name]
            head = _le("BBBBB16sBBBBBB", 27, 0x24, 4, number, len(self._sizes), guid, bits, 1, 0, 0, 0, 0)
        kind, count = (7 if name == "mjpeg" else 5), len(self._intervals)
        frames = b""
        for index, (width, height) in enumerate(self._sizes, 1):
            size = frame_size(name, width, height)
            slow, fast = (size * 8 * CLOCK // interval for interval in (max(self._intervals), min(self._intervals)))
            frames += _le(
                "BBBBBHHIIIIB", 26 + 4 * count, 0x24, kind, index, 0, width, height, slow, fast, size,
                self._intervals[0], count,
            )  # fmt: skip
            frames += _le(f"{count}I", *self._intervals)
        return head + frames + _le("BBBBBB", 6, 0x24, 0x0D, 1, 1, 4)  # the colours are BT.709's


def frame_size(name: str, width: int, height: int) -> int:
    """Bytes of the largest frame."""
    return width * height * (16 if name == "mjpeg" else RAW[name][1]) // 8


def _le(layout: str, *values: object) -> bytes:
    return struct.pack("<" + layout, *values)
