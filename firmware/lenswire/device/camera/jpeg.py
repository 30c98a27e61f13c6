"""What a JPEG is, without decoding it: its size, where it ends, and whether it has its Huffman tables."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from mmap import mmap

    Data: TypeAlias = bytes | mmap  # what can be looked at without a copy

# What every segment begins with: marker, length; and what a frame header goes on with: precision, height, width.
SEGMENT = struct.Struct(">BBHxHH")
SOI, EOI = b"\xff\xd8", b"\xff\xd9"
DHT, SOS = 0xC4, 0xDA
# Frame headers; DHT, JPG and DAC are of the same row of markers and are none.
SOF = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC}
NOTES = frozenset(range(0xE0, 0xF0)) | {0xFE}  # APP0 to APP15 and COM: they may hold a time, a thumbnail, anything

# The tables of the JPEG standard, ITU-T T.81 annex K.3 to K.6, in one segment. Each has its class and number, how many
# codes there are of 1 to 16 bits, and what they stand for.
STANDARD_TABLES = bytes.fromhex(
    "ffc401a2"
    "0000010501010101010100000000000000"  # DC of luma
    "000102030405060708090a0b"
    "100002010303020403050504040000017d"  # AC of luma
    "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282090a161718191a25262728292a34353637"
    "38393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a92939495969798999aa2a3"
    "a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"
    "0100030101010101010101010000000000"  # DC of chroma
    "000102030405060708090a0b"
    "1100020102040403040705040400010277"  # AC of chroma
    "000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a162434e125f11718191a262728292a3536"
    "3738393a434445464748494a535455565758595a636465666768696a737475767778797a82838485868788898a92939495969798999a"
    "a2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"
)


class Header(NamedTuple):
    """What stands in front of the picture's data."""

    width: int
    height: int
    scan: int  # where the first scan begins, with its SOS
    tables: bool  # Huffman tables are there: cameras may leave out the standard ones
    bones: tuple[tuple[int, int, bytes], ...]  # all but what the notes say: from where, to where, which bytes


def parse(data: Data, before: Header | None = None) -> Header | None:
    """None if this does not begin as a JPEG does. before: of another picture of this camera; but for what their notes
    say the two are the same, as a rule, and comparing is done sooner than taking apart."""
    if before:
        for begin, stop, bone in before.bones:
            if data[begin:stop] != bone:
                break
        else:
            return before
    if data[:2] != SOI:
        return None
    at, begin, width, height, tables = 2, 0, 0, 0, False
    bones: list[tuple[int, int, bytes]] = []
    last = len(data) - SEGMENT.size
    while at <= last:
        lead, marker, length, *size = SEGMENT.unpack_from(data, at)
        if lead != 0xFF:
            return None
        if marker == 0xFF:  # a marker may have any number of them in front
            at += 1
            continue
        if marker == SOS:
            bones.append((begin, at + 2, data[begin : at + 2]))
            return Header(width, height, at, tables, tuple(bones)) if width and height else None
        if marker == DHT:
            tables = True
        elif marker in NOTES:
            bones.append((begin, at + 4, data[begin : at + 4]))
            begin = at + 2 + length
        elif marker in SOF:
            height, width = size
        at += 2 + length
    return None


def end(data: Data, header: Header, length: int) -> int | None:
    """Where the JPEG in data[:length] ends, less what a camera may have padded it with; None if it was cut off."""
    found = data.rfind(EOI, header.scan, length)
    return None if found < 0 else found + 2


def with_tables(data: memoryview, header: Header) -> bytes | memoryview:
    """The same JPEG with the standard Huffman tables, which some decoders insist on."""
    return data if header.tables else b"".join((data[: header.scan], STANDARD_TABLES, data[header.scan :]))
