"""JPEG in RTP: what can be carried, and packets from which every receiver can make the picture again."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
import simplejpeg

from lenswire.viewer import rtp_jpeg
from lenswire.viewer.rtp_jpeg import PACKET, Unsuitable, packets, parse, report


def jpeg(width: int = 200, height: int = 120, subsampling: str = "420", quality: int = 85) -> bytes:
    noise = np.random.default_rng(7).integers(0, 255, (height, width, 3), np.uint8)
    return bytes(simplejpeg.encode_jpeg(noise, quality, "RGB", subsampling))


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def with_segment(content: bytes, added: bytes) -> bytes:
    """A JPEG with another segment, the first of all."""
    return content[:2] + added + content[2:]


def without(content: bytes, marker: int) -> bytes:
    """A JPEG without segments of this kind."""
    for found, at, end in reversed(list(rtp_jpeg._segments(content))):
        if found == marker:
            content = content[: at - 4] + content[end:]
    return content


@pytest.mark.parametrize(("subsampling", "kind"), [("422", 0), ("420", 1)])
def test_a_picture_goes_into_packets_and_comes_out_of_them(subsampling: str, kind: int) -> None:
    content = jpeg(subsampling=subsampling)
    sent = list(packets(parse(content), 65_530, 0x1_2345_6789, 77))
    assert len(sent) > 10
    assert max(map(len, sent)) == PACKET
    scan = tables = b""
    for number, packet in enumerate(sent):
        flags, mark, sequence, timestamp, source = struct.unpack_from(">BBHII", packet)
        at, found, quality, width, height = struct.unpack_from(">IBBBB", packet, 12)
        assert (flags, mark) == (0x80, 26 + 128 * (number == len(sent) - 1))
        assert (sequence, timestamp, source) == ((65_530 + number) % 65_536, 0x2345_6789, 77)
        assert (at, found, quality, width, height) == (len(scan), kind, 255, 25, 15)
        if number == 0:
            assert packet[20:24] == struct.pack(">BBH", 0, 0, 128)
            tables, packet = packet[24:152], packet[132:]
        scan += packet[20:]
    assert content.endswith(scan) and scan.endswith(b"\xff\xd9")
    assert all(table in content for table in (tables[:64], tables[64:]))
    assert content.index(tables[:64]) < content.index(tables[64:])


def test_what_cameras_leave_out_or_add_is_no_matter() -> None:
    content = jpeg()
    scan = parse(content).scan
    bare = without(content, 0xC4)
    assert b"\xff\xc4" not in bare[: bare.index(b"\xff\xda")]
    assert parse(bare).scan == scan
    assert parse(content + bytes(500)).scan == scan
    assert parse(with_segment(content, b"\xff" * 5 + segment(0xE1, b"AVI1")[1:])).scan == scan


def test_restart_markers_are_told_in_every_packet() -> None:
    content = with_segment(jpeg(), segment(0xDD, struct.pack(">H", 9)))
    sent = list(packets(parse(content), 0, 0, 0))
    assert {(packet[16], packet[20:24]) for packet in sent} == {(65, struct.pack(">HH", 9, 0xFFFF))}
    assert b"".join([sent[0][156:], *(packet[24:] for packet in sent[1:])]) == parse(content).scan


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"GIF89a", "is no JPEG"),
        (jpeg()[:300], "is cut off"),
        (jpeg()[:-2], "is cut off"),
        (jpeg(2048, 16), r"is of 2048x16 pixels, more than 2040x2040"),
        (jpeg(subsampling="444"), "sampled neither 4:2:0 nor 4:2:2"),
        (bytes(simplejpeg.encode_jpeg(np.zeros((16, 16, 1), np.uint8), 85, "GRAY", "gray")), "sampled neither"),
        (jpeg().replace(b"\xff\xc0", b"\xff\xc2", 1), "not a baseline JPEG"),
        (with_segment(jpeg(), segment(0xC4, bytes([0, 1, *[0] * 15, 3]))), "Huffman tables of its own"),
        (with_segment(jpeg(), segment(0xDB, bytes([16, *[1] * 128]))), "tables of more than 8 bits"),
        (without(jpeg(), 0xDB), "has not two quantization tables"),
    ],
)
def test_what_cannot_be_carried_is_said(content: bytes, words: str) -> None:
    with pytest.raises(Unsuitable, match=words):
        parse(content)


def test_damaged_headers_are_no_accident() -> None:
    content = jpeg(32, 32)
    for at in range(len(content) - len(parse(content).scan)):
        for value in (0x00, 0xFF, content[at] ^ 0x10):
            damaged = content[:at] + bytes([value]) + content[at + 1 :]
            with contextlib.suppress(Unsuitable):
                list(packets(parse(damaged), 0, 0, 0))


def test_reports_tell_the_time_on_the_wall() -> None:
    told = report(77, 90_000, 1_700_000_000.5, 10, 12_000)
    assert struct.unpack_from(">BBHIIIIII", told) == (128, 200, 6, 77, 3_908_988_800, 1 << 31, 90_000, 10, 12_000)
    assert told[28:32] == struct.pack(">BBH", 0x81, 202, 4)
    assert len(told) == 28 + 4 * 5
