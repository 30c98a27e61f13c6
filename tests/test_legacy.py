"""The article's dialect: both layouts, both roles, against its own struct calls."""

from __future__ import annotations

import re
import struct

import pytest

from lenswire.errors import LocalProtocolError, ProtocolError
from lenswire.legacy import LegacyServer, LegacyViewer, looks_legacy
from lenswire.messages import MAX_JPEG, Close, CloseCode, Frame, Watch
from test_wire import blocks, field

NATIVE = {8: "<lhh", 12: "<qhh"}  # what "lhh" is on Windows, and on 64-bit Linux
JPEG = b"\xff\xd8a picture\xff\xd9"
NOW = 1_000

both_layouts = pytest.mark.parametrize("layout", NATIVE)


def request(layout: int, value: int = 903, width: int = 640, height: int = 480) -> bytes:
    return struct.pack(NATIVE[layout], value, width, height)


def picture(layout: int, jpeg: bytes = JPEG, width: int = 640, height: int = 480) -> bytes:
    return struct.pack(NATIVE[layout], len(jpeg), width, height) + jpeg


# First bytes


@pytest.mark.parametrize(
    ("first", "legacy"),
    [
        (request(8)[:4], True),
        (request(12)[:4], True),
        (request(8, 888)[:4], True),  # ours to refuse
        (request(8, 1888)[:4], True),
        (request(8, 1889)[:4], False),
        (request(8, -1)[:4], False),
        (b"LENS", False),
        (b"GET ", False),
        (b"\x16\x03\x01\x02", False),
        (b"\x16\x03\x03\x00", False),
        (b"\x16\x03\x00\x00", False),
    ],
)
def test_dialects_are_told_apart(first: bytes, legacy: bool) -> None:
    assert looks_legacy(first) is legacy


# Device


@pytest.mark.parametrize("lines", blocks("legacy"), ids=lambda lines: lines[0])
def test_the_requests_of_the_page(lines: list[str]) -> None:
    data = b"".join(field(line) for line in lines[1:])
    server = LegacyServer()
    server.receive_data(data)
    assert f"{len(data)} bytes" == lines[0]
    assert server.events() == [Watch(640, 480, 15.0)]


@both_layouts
@pytest.mark.parametrize("size", [1, 3, 8, 12])
def test_a_request_in_any_slicing(layout: int, size: int) -> None:
    server, data = LegacyServer(), request(layout)
    for start in range(0, layout, size):
        assert server.events() == []
        server.receive_data(data[start : start + size])
    assert server.events() == [Watch(640, 480, 15.0)]
    assert server.events() == [] and not server.closed


@both_layouts
def test_a_frame_header_is_in_the_layout_of_the_client(layout: int) -> None:
    server = LegacyServer()
    server.receive_data(request(layout))
    assert struct.unpack(NATIVE[layout], server.frame_header(70_000)) == (70_000, 640, 480)


def test_no_frame_before_the_request() -> None:
    with pytest.raises(LocalProtocolError, match="no frame before the request"):
        LegacyServer().frame_header(1)


@both_layouts
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ((888, 640, 480), "expected more than 888, got 888"),
        ((0, 640, 480), "expected more than 888, got 0"),
        ((1889, 640, 480), "watch: fps: expected 0 to 1000.0, got 1001"),
        ((903, 0, 480), "expected 1x1 to 8294400 pixels, got 0x480"),
        ((903, 640, -1), "got 640x-1"),
        ((903, 3841, 2160), "got 3841x2160"),
        ((903, 32767, 32767), "got 32767x32767"),
    ],
)
def test_a_request_is_refused_for_good(layout: int, asked: tuple[int, int, int], words: str) -> None:
    server = LegacyServer()
    with pytest.raises(ProtocolError, match=re.escape(words)):
        server.receive_data(request(layout, *asked))
    server.receive_data(request(layout))
    assert server.closed and server.events() == []


@both_layouts
@pytest.mark.parametrize("size", [(3840, 2160), (2160, 3840), (1, 1), (32767, 253)])
def test_a_size_may_be_extreme(layout: int, size: tuple[int, int]) -> None:
    server = LegacyServer()
    server.receive_data(request(layout, 889, *size))
    assert server.events() == [Watch(*size, 1.0)]


def test_what_follows_the_request_is_thrown_away() -> None:
    server = LegacyServer()
    for _ in range(3):
        server.receive_data(request(12) + b"more" * 1000)
    assert len(server.events()) == 1 and len(server._in) == 12


# Viewer


@both_layouts
@pytest.mark.parametrize(
    ("watch", "numbers"),
    [
        (Watch(), (968, 640, 480)),
        (Watch(320, 240, 15.0), (903, 320, 240)),
        (Watch(fps=0.5), (889, 640, 480)),
        (Watch(fps=15.0, quality=90), (978, 640, 480)),
        (Watch(65535, 65535), (968, 32767, 32767)),
    ],
)
def test_the_viewer_asks_once(layout: int, watch: Watch, numbers: tuple[int, int, int]) -> None:
    viewer = LegacyViewer(watch, layout)
    assert struct.unpack(NATIVE[layout], viewer.data_to_send()) == numbers
    assert viewer.data_to_send() == b""


@both_layouts
@pytest.mark.parametrize("size", [1, 7, 12, 13, 14, 1000])
def test_pictures_in_any_slicing(layout: int, size: int) -> None:
    viewer, data = LegacyViewer(Watch(), 8), picture(layout) + picture(layout, JPEG * 9, 320, 240)
    for start in range(0, len(data), size):
        viewer.receive_data(data[start : start + size], NOW)
    assert viewer.events() == [
        Frame(1, NOW, 0, 640, 480, 0, 0, JPEG),
        Frame(2, NOW, 0, 320, 240, 0, 0, JPEG * 9),
    ]
    assert (viewer.frames_received, viewer.heard, viewer.closed) == (2, NOW, False)


@both_layouts
@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((MAX_JPEG + 1, 640, 480), "has 33554433 bytes"),
        ((3, 640, 480), "has 3 bytes and 640x480 pixels"),
        ((-1, 640, 480), "has -1 bytes"),
        ((1000, -2, 480), "-2x480 pixels"),
        ((1000, 640, 0), "640x0 pixels"),
    ],
)
def test_a_header_is_refused_before_its_picture_is_stored(layout: int, data: tuple[int, int, int], words: str) -> None:
    if layout == 12 and data[0] < 0:
        words = "not the article's server"  # its upper half is not 0, so that it is read as the short one
    viewer = LegacyViewer(Watch(), layout)
    with pytest.raises(ProtocolError, match=words) as caught:
        viewer.receive_data(struct.pack(NATIVE[layout], *data), NOW)
    assert viewer.events() == [Close(CloseCode.BROKEN, str(caught.value))]
    assert viewer.closed and not viewer._in


@both_layouts
def test_what_is_not_a_jpeg_is_refused_at_once(layout: int) -> None:
    viewer = LegacyViewer(Watch(), layout)
    with pytest.raises(ProtocolError, match="expected a JPEG after the header"):
        viewer.receive_data(picture(layout, b"\x89PNG" + bytes(1000))[: layout + 1], NOW)


def test_nothing_is_heard_after_the_end() -> None:
    viewer = LegacyViewer(Watch(), 8)
    viewer.close()
    viewer.close(CloseCode.FULL)
    viewer.receive_data(picture(8), NOW)
    assert viewer.events() == [Close(CloseCode.BYE)]
    assert viewer.data_to_send() == b"" and viewer.heard == 0


@both_layouts
def test_both_roles_understand_each_other(layout: int) -> None:
    server, viewer = LegacyServer(), LegacyViewer(Watch(320, 240, 10.0), layout)
    server.receive_data(viewer.data_to_send())
    viewer.receive_data(server.frame_header(len(JPEG)) + JPEG, NOW)
    (watch,), (frame,) = server.events(), viewer.events()
    assert isinstance(frame, Frame) and isinstance(frame.jpeg, memoryview)
    assert (watch.width, watch.height, watch.fps) == (frame.width, frame.height, 10.0) == (320, 240, 10.0)
