"""JPEG in RTP, RFC 2435: which pictures it can carry, and their packets. No I/O.

A receiver gets the size, the quantization tables and the scan, and puts in front of them what all JPEGs in RTP have in
common: so the Huffman tables must be the standard ones, and little else can vary.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

CLOCK = 90_000  # ticks a second, of every video in RTP
PAYLOAD_TYPE = 26
LARGEST = 255 * 8  # pixels: a side is a byte, in units of eight
PACKET = 1400  # bytes: media servers pass packets on as they are, also over UDP
EOI = b"\xff\xd9"
DQT, SOF0, DHT, DAC, SOS, DRI = 0xDB, 0xC0, 0xC4, 0xCC, 0xDA, 0xDD
SOF = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC}
# How luma and the two colours are sampled, as it stands in a frame header: the types of RFC 2435.
SAMPLINGS = {(0x21, 0x11, 0x11): 0, (0x22, 0x11, 0x11): 1}  # 4:2:2, 4:2:0
# ITU-T T.81, K.3 to K.6: class and number of a Huffman table, and the CRC-32 of all that its segment says.
STANDARD_TABLES = {0x00: 0x13BC22C1, 0x10: 0x76431CC4, 0x01: 0xBF876D00, 0x11: 0xDB3E692F}
RESTART = 64  # added to a type, where there are restart markers
Q_IN_BAND = 255  # the tables come with every picture
WHOLE = 0xFFFF  # this packet's restart intervals: only a whole picture can be decoded
NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970


class Unsuitable(ValueError):
    """A JPEG that RTP cannot carry: why, as the end of a sentence that begins with "the picture"."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What RTP carries of a JPEG."""

    width: int
    height: int
    kind: int
    restart: int  # units of the picture between two restart markers; 0: there are none
    tables: bytes  # of quantization: luma's, colour's
    scan: memoryview


def parse(jpeg: bytes) -> Picture:
    """Raises Unsuitable."""
    tables: dict[int, bytes] = {}
    frame = b""
    restart = 0
    for marker, at, end in _segments(jpeg):
        segment = jpeg[at:end]
        if marker == DQT:
            tables |= _quantization(segment)
        elif marker in SOF:
            frame = _frame(marker, segment)
        elif marker == DHT:
            _check_huffman(segment)
        elif marker == DRI:
            restart = int.from_bytes(segment[:2], "big")
        elif marker == SOS:
            if len(frame) < 15 or segment[:1] != b"\x03":
                raise Unsuitable("is not one scan of luma and two colours")
            height, width = struct.unpack_from(">HH", frame, 1)
            quantization = _chosen(tables, frame)
            scan = memoryview(jpeg)[end : _last(jpeg, end)]
            return Picture(width, height, SAMPLINGS[frame[7], frame[10], frame[13]], restart, quantization, scan)
    raise Unsuitable("is no JPEG")


def packets(picture: Picture, sequence: int, timestamp: int, source: int) -> Iterator[bytes]:
    """RTP packets of one picture, the first with this sequence number."""
    kind = picture.kind + (RESTART if picture.restart else 0)
    width, height = -(-picture.width // 8), -(-picture.height // 8)
    restart = struct.pack(">HH", picture.restart, WHOLE) if picture.restart else b""
    rest = restart + struct.pack(">BBH", 0, 0, len(picture.tables)) + picture.tables
    at, length = 0, len(picture.scan)
    while at < length:
        part = picture.scan[at : at + PACKET - 20 - len(rest)]
        last = at + len(part) == length
        flags = (last << 7) | PAYLOAD_TYPE
        yield b"".join(
            (
                struct.pack(">BBHII", 0x80, flags, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, source),
                struct.pack(">IBBBB", at, kind, Q_IN_BAND, width, height),
                rest,
                part,
            )
        )
        sequence, at, rest = sequence + 1, at + len(part), restart


def report(source: int, timestamp: int, wall: float, sent: int, octets: int) -> bytes:
    """RTCP: what the clock on the wall (seconds since 1970) showed at this timestamp, and how much was sent so far."""
    seconds, fraction = divmod(wall, 1)
    now = struct.pack(">II", int(seconds) + NTP_EPOCH & 0xFFFFFFFF, int(fraction * (1 << 32)))
    body = struct.pack(">I8sIII", source, now, timestamp & 0xFFFFFFFF, sent & 0xFFFFFFFF, octets & 0xFFFFFFFF)
    name = b"\x01\x08lenswire\0\0"  # CNAME, the end of the list, and up to a multiple of four
    return struct.pack(">BBH", 0x80, 200, 6) + body + struct.pack(">BBHI", 0x81, 202, 4, source) + name


# What stands in front of a scan


def _segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, and where what it says begins and ends, up to the first scan."""
    if jpeg[:2] != b"\xff\xd8":
        raise Unsuitable("is no JPEG")
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker == 0xFF:  # any number of them may stand in front of a marker
            at += 1
            continue
        if at + 2 + length > len(jpeg):
            raise Unsuitable("is cut off")
        yield marker, at + 4, at + 2 + length
        at += 2 + length


def _frame(marker: int, segment: bytes) -> bytes:
    if marker != SOF0 or segment[:1] != b"\x08":
        raise Unsuitable("is not a baseline JPEG of 8 bits")
    height, width = struct.unpack_from(">HH", segment.ljust(5, b"\0"), 1)
    if not (0 < width <= LARGEST and 0 < height <= LARGEST):
        raise Unsuitable(f"is of {width}x{height} pixels, more than {LARGEST}x{LARGEST}")
    if len(segment) < 15 or segment[5] != 3 or (segment[7], segment[10], segment[13]) not in SAMPLINGS:
        raise Unsuitable("has its colours sampled neither 4:2:0 nor 4:2:2")
    return segment


def _quantization(segment: bytes) -> dict[int, bytes]:
    if len(segment) % 65 or any(segment[at] > 3 for at in range(0, len(segment), 65)):
        raise Unsuitable("has quantization tables of more than 8 bits")
    return {segment[at]: segment[at + 1 : at + 65] for at in range(0, len(segment), 65)}


def _chosen(tables: dict[int, bytes], frame: bytes) -> bytes:
    luma, blue, red = (tables.get(frame[at]) for at in (8, 11, 14))
    if luma is None or blue is None or blue != red:
        raise Unsuitable("has not two quantization tables, one of them for both colours")
    return luma + blue


def _check_huffman(segment: bytes) -> None:
    at = 0
    while at < len(segment):
        end = at + 17 + sum(segment[at + 1 : at + 17])
        if STANDARD_TABLES.get(segment[at]) != zlib.crc32(segment[at:end]):
            raise Unsuitable("has Huffman tables of its own, not the standard ones")
        at = end


def _last(jpeg: bytes, start: int) -> int:
    """Where the scan ends, with its end marker, which some receivers rely on: cameras may pad a picture after it."""
    end = jpeg.rfind(EOI, start)
    if end < 0 or end - start >= (1 << 24) - 2:
        raise Unsuitable("is cut off" if end < 0 else "is of more than 16 MB")
    return end + 2
