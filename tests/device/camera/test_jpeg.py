"""Finding out what a JPEG is without decoding it."""

from __future__ import annotations

import mmap

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from lenswire.device.camera import jpeg

IMAGE = np.random.default_rng(3).integers(0, 255, (46, 70, 3), np.uint8)
WHOLE = simplejpeg.encode_jpeg(IMAGE, 80, "BGR", "420")


def without_tables(data: bytes) -> bytes:
    """As a camera sends it: no DHT segments."""
    parts, at = [data[:2]], 2
    while data[at + 1] != jpeg.SOS:
        length = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] != jpeg.DHT:
            parts.append(data[at : at + length])
        at += length
    return b"".join([*parts, data[at:]])


def header(data: bytes) -> jpeg.Header:
    found = jpeg.parse(data)
    assert found
    return found


def test_size_and_tables_are_found() -> None:
    found = header(WHOLE)
    assert (found.width, found.height, found.tables) == (70, 46, True)
    assert WHOLE[found.scan : found.scan + 2] == b"\xff\xda"
    assert header(without_tables(WHOLE)).tables is False


def test_fill_bytes_in_front_of_a_marker_are_passed_over() -> None:
    assert header(WHOLE[:2] + b"\xff\xff" + WHOLE[2:]).width == 70


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"GIF89a" + WHOLE, WHOLE[:100], b"\xff\xd8" + bytes(2000)])
def test_what_is_no_jpeg_has_no_header(data: bytes) -> None:
    assert jpeg.parse(data) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_judged_without_an_error(data: bytes) -> None:
    jpeg.parse(b"\xff\xd8" + data)


def test_the_end_is_found_through_padding() -> None:
    padded = WHOLE + bytes(5000)
    assert jpeg.end(padded, header(padded), len(padded)) == len(WHOLE)


def test_a_truncated_one_has_no_end() -> None:
    cut = WHOLE[:-30]
    assert jpeg.end(cut, header(cut), len(cut)) is None


def test_what_an_earlier_frame_left_behind_in_the_buffer_is_not_taken_for_the_end() -> None:
    buffer = mmap.mmap(-1, 8192)
    buffer[: len(WHOLE)] = WHOLE
    found = jpeg.parse(buffer)
    assert found
    assert jpeg.end(buffer, found, len(WHOLE) - 30) is None
    assert jpeg.end(buffer, found, len(WHOLE)) == len(WHOLE)


def test_the_end_of_a_thumbnail_is_not_taken_for_the_end() -> None:
    thumbnail = b"\xff\xe1" + (2 + len(WHOLE)).to_bytes(2, "big") + WHOLE
    cut = WHOLE[:2] + thumbnail + WHOLE[2:-30]
    assert jpeg.end(cut, header(cut), len(cut)) is None


def test_missing_tables_are_put_in_and_the_picture_is_the_same() -> None:
    bare = without_tables(WHOLE)
    mended = jpeg.with_tables(bare, header(bare))
    assert header(mended).tables
    assert (simplejpeg.decode_jpeg(mended, "BGR") == simplejpeg.decode_jpeg(WHOLE, "BGR")).all()


def test_what_has_its_tables_stays_untouched() -> None:
    assert jpeg.with_tables(WHOLE, header(WHOLE)) is WHOLE


NOTED = WHOLE[:2] + b"\xff\xfe\x00\x06when" + WHOLE[2:]


@given(st.integers(0, 700), st.integers(0, 255), st.integers(0, 9))
def test_a_header_is_what_it_is_whatever_the_one_before_was(at: int, byte: int, longer: int) -> None:
    before = header(NOTED)
    data = bytearray(NOTED)
    data[at] = byte
    data[8:8] = bytes(longer)  # the note of another length, or what comes then shifted
    assert jpeg.parse(bytes(data), before) == jpeg.parse(bytes(data))


def test_a_header_is_taken_apart_once_whatever_its_note_says() -> None:
    before = header(NOTED)
    assert jpeg.parse(NOTED.replace(b"when", b"then"), before) is before
