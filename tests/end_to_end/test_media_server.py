"""Cameras at a real RTSP server, GStreamer's, and read back from it by FFmpeg: the device's pictures, and fresh."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import simplejpeg
from real_device import LIMIT, Device, Serve

from eventually import until
from lenswire import stamp
from lenswire.demo import free_port
from lenswire.link import AddressBook, Target
from lenswire.messages import Watch
from lenswire.viewer.connection import Received, Stream
from programs import need_python

SERVER = Path(__file__).with_name("rtsp_server.py")
SECRET = "me:hush-hush"


class MediaServer:
    """GStreamer's, at a port of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.paths = [f"{name}:{free_port()}" for name in ("porch", "yard", "hall")]
        self.start()

    def start(self) -> None:
        command = ["/usr/bin/python3", str(SERVER), str(self.port), SECRET, *self.paths]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(LIMIT)

    def read(self, name: str, pictures: int) -> list[tuple[float, bytes]]:
        """So many, each with when it was here."""
        return until(lambda: self._read(name, pictures), f"{pictures} pictures of {name}")

    def _read(self, name: str, pictures: int) -> list[tuple[float, bytes]]:
        options = {"rtsp_transport": "tcp", "fflags": "nobuffer", "probesize": "32", "analyzeduration": "0"}
        url = f"rtsp://{SECRET}@127.0.0.1:{self.port}/{name}/live"
        found: list[tuple[float, bytes]] = []
        with contextlib.suppress(av.FFmpegError), av.open(url, options=options, timeout=(LIMIT, 3)) as container:
            for packet in container.demux(video=0):
                if packet.size:
                    found.append((time.monotonic(), bytes(packet)))
                if len(found) == pictures:
                    return found
        return []


class Relaying:
    """`lenswire relay` of these cameras, as its user's."""

    def __init__(self, folder: Path, cameras: dict[str, Target], to: str, *options: str) -> None:
        book = AddressBook(folder / "lenswire" / "cameras.json")
        for name, target in cameras.items():
            book.add(name, target)
        self.log = folder / "relay.log"
        command = [sys.executable, "-m", "lenswire.cli", "relay", *cameras, "--to", "-", *options]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stderr=output, env={**os.environ, "XDG_CONFIG_HOME": str(folder)}
            )
        assert self.process.stdin
        self.process.stdin.write(f"{to}\n".encode())
        self.process.stdin.close()

    def said(self, words: str) -> int:
        return self.log.read_text().count(words)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT)


@pytest.fixture(scope="module")
def media() -> Iterator[MediaServer]:
    need_python("gi.repository.GstRtspServer", "gir1.2-gst-rtsp-server-1.0")
    server = MediaServer()
    yield server
    server.stop()


@pytest.fixture
def relay(tmp_path: Path, media: MediaServer) -> Iterator[Any]:
    with contextlib.ExitStack() as stack:

        def start(cameras: dict[str, Target], path: str = "", *options: str) -> Relaying:
            folder = tmp_path / f"relay{len(list(tmp_path.iterdir()))}"
            relaying = Relaying(folder, cameras, f"rtsp://{SECRET}@127.0.0.1:{media.port}/{path}", *options)
            stack.callback(relaying.process.kill)
            return relaying

        yield start


def drawn(jpeg: bytes) -> int:
    """The time of capture in the picture, in microseconds."""
    time = stamp.read(simplejpeg.decode_jpeg(jpeg, "GRAY")[..., 0])
    assert time is not None
    return time


def folder_of(folder: Path, **encodings: list[int]) -> Path:
    """Pictures that OpenCV encodes so."""
    folder.mkdir()
    rows, columns = np.mgrid[0:240, 0:320]
    image = np.stack([rows, columns // 2, (rows * columns) % 251], -1).astype(np.uint8)
    for name, flags in encodings.items():
        (folder / f"{name}.jpg").write_bytes(cv2.imencode(".jpg", image, flags)[1])
    return folder


def bare(content: bytes) -> bytes:
    """Without Huffman tables, as USB cameras send it."""
    while (at := content.find(b"\xff\xc4")) >= 0:
        content = content[:at] + content[at + 2 + int.from_bytes(content[at + 2 : at + 4], "big") :]
    return content


def test_pictures_pass_a_media_server_untouched_and_fresh(serve: Serve, media: MediaServer, relay: Any) -> None:
    device = serve("--source", "pattern", "--size", "640x480", "--fps", "30")
    own: dict[int, bytes] = {}

    def keep(received: Received) -> None:
        jpeg = bytes(received.frame.jpeg)
        own[drawn(jpeg)] = jpeg

    relaying = relay({"porch": device.target}, "porch")
    with Stream(device.target, Watch(), keep):
        until(lambda: relaying.said("published"), "the stream to be published")
        read = media.read("porch", 30)
        until(lambda: len(own) > 30 and max(own) >= drawn(read[-1][1]), "the same from the device")
    stamps = [drawn(jpeg) for _, jpeg in read]
    assert min(np.diff(stamps)) > 0
    assert np.median(np.diff(stamps)) <= 33_334  # a busy machine may leave some out
    assert np.median([at - drawn / 1e6 for (at, _), drawn in zip(read, stamps, strict=True)]) < 0.3
    for (_, jpeg), number in list(zip(read, stamps, strict=True))[::8]:
        assert np.array_equal(simplejpeg.decode_jpeg(jpeg), simplejpeg.decode_jpeg(own[number]))
    assert relaying.stop() == 0
    assert relaying.said("pictures relayed") == 1


def test_cameras_of_all_kinds_at_once_through_restarts(
    tmp_path: Path, serve: Serve, media: MediaServer, relay: Any
) -> None:
    standard, own_tables = [cv2.IMWRITE_JPEG_OPTIMIZE, 0], [cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    usb = folder_of(
        tmp_path / "usb",
        half=[*standard, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422],
        restart=[*standard, cv2.IMWRITE_JPEG_RST_INTERVAL, 7],
    )
    (usb / "half.jpg").write_bytes(bare((usb / "half.jpg").read_bytes()))
    strange = folder_of(tmp_path / "strange", optimized=own_tables)
    cameras: dict[str, Device] = {
        "porch": serve("--source", "pattern", "--size", "320x240"),
        "yard": serve("--source", f"file:{usb}", "--fps", "20"),
        "hall": serve("--source", f"file:{strange}"),
    }
    relaying = relay({name: device.target for name, device in cameras.items()})
    small = relay({"hall": cameras["hall"].target}, "hall", "--size", "160x120")
    # USB: both pictures as the camera has them.
    seen = {simplejpeg.decode_jpeg(jpeg).tobytes() for _, jpeg in media.read("yard", 10)}
    assert seen == {simplejpeg.decode_jpeg(path.read_bytes()).tobytes() for path in usb.iterdir()}
    # What RTP cannot carry is said, once, and what helps does.
    until(lambda: relaying.said("hall: the picture has Huffman tables of its own"), "the reason")
    assert simplejpeg.decode_jpeg_header(media.read("hall", 2)[0][1])[:2] == (120, 160)
    # The device starts anew.
    cameras["porch"].stop()
    until(lambda: relaying.said("(trying again)"), "the device to be missed")
    cameras["porch"].start()
    again = time.monotonic()
    assert drawn(media.read("porch", 5)[-1][1]) / 1e6 > again
    # The media server does.
    media.stop()
    until(lambda: relaying.said("nothing listens there (trying again)"), "the server to be missed")
    media.start()
    again = time.monotonic()
    assert drawn(media.read("porch", 5)[-1][1]) / 1e6 > again
    assert media.read("yard", 5)
    assert (relaying.stop(), small.stop()) == (0, 0)
    assert (relaying.said("hush"), small.said("hush")) == (0, 0)
    assert relaying.said("hall: the picture has") == 1
