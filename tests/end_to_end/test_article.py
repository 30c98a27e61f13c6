"""The article's own client against our device, and our viewer against the article's own server; both layouts."""

from __future__ import annotations

import itertools
import json
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import simplejpeg
from real_device import LIMIT, Device, Serve, lenswire

from article.client import Shown, watch
from lenswire.demo import free_port, wait_until_it_listens
from lenswire.device.camera.file import recorded_clip

SERVER = Path(__file__).parents[1] / "article" / "server.py"
LAYOUTS = {"Windows": "<lhh", "64-bit Linux": "<qhh"}


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """One device for all, which so shows that none of them leaves it worse than before."""
    device = Device(tmp_path_factory.mktemp("device"), "--source", "pattern", "--size", "640x480", "--legacy")
    yield device
    assert device.stop() == 0


@contextmanager
def article_server(folder: Path, lhh: str) -> Iterator[int]:
    """The article's server in a process of its own; its port."""
    port, log = free_port(), folder / "server.log"
    with log.open("wb") as output:
        command = [sys.executable, str(SERVER), str(port), lhh, str(recorded_clip())]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_until_it_listens(process, port, log)
        yield port
    finally:
        process.kill()
        process.wait(LIMIT)


def first(count: int, pictures: Iterator[Shown]) -> list[Shown]:
    return list(itertools.islice(pictures, count))


def assert_all_are(pictures: list[Shown], size: tuple[int, int]) -> None:
    """The header says so, and so do the pixels."""
    for picture in pictures:
        height, width, _, _ = simplejpeg.decode_jpeg_header(picture.jpeg)
        assert picture.size == (width, height) == size


@pytest.mark.parametrize("lhh", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("size", [(640, 480), (800, 600), (123, 77)], ids=str)
def test_the_articles_client_gets_just_the_size_it_asked_for(device: Device, lhh: str, size: tuple[int, int]) -> None:
    pictures = first(5, watch(device.port, size, 30, lhh))
    assert len(pictures) == 5
    assert_all_are(pictures, size)


def test_two_of_them_at_once_with_different_sizes_and_layouts_beside_a_viewer_of_ours(device: Device) -> None:
    wishes = list(zip([(640, 480), (320, 240)], LAYOUTS.values(), strict=True))
    with ThreadPoolExecutor() as pool:
        clients = [pool.submit(first, 20, watch(device.port, size, 15, lhh)) for size, lhh in wishes]
        ours = pool.submit(lenswire, "probe", device.address, "--seconds", "1", "--json")
        for client, (size, _) in zip(clients, wishes, strict=True):
            assert len(client.result()) == 20
            assert_all_are(client.result(), size)
    assert json.loads(ours.result().stdout)["frames"] > 0


@pytest.mark.parametrize("lhh", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize(("fps", "size"), [(0, (640, 480)), (15, (0, 480)), (15, (640, -1))], ids=str)
def test_it_hangs_up_without_a_word_as_the_articles_server_does(
    device: Device, lhh: str, fps: int, size: tuple[int, int]
) -> None:
    with pytest.raises(struct.error, match=f"requires a buffer of {struct.calcsize(lhh)} bytes"):
        next(watch(device.port, size, fps, lhh))
    assert first(1, watch(device.port))  # and serves the next one


def test_who_did_not_ask_for_the_dialect_does_not_get_it(serve: Serve) -> None:
    device = serve("--source", "pattern", "--size", "320x240")
    with socket.create_connection(("127.0.0.1", device.port), LIMIT) as client:
        client.send(struct.pack("<qhh", 888 + 15, 640, 480))
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer == b""  # our words would be read as the size of a picture
    assert device.status()["viewers"] == 0


@pytest.mark.parametrize("lhh", LAYOUTS.values(), ids=LAYOUTS)
def test_we_watch_the_articles_server(tmp_path: Path, lhh: str) -> None:
    with article_server(tmp_path, lhh) as port:
        done = lenswire("probe", f"legacy://127.0.0.1:{port}", "--seconds", "2", "--size", "320x240", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["frames"] >= 3 and (told["width"], told["height"]) == (320, 240)


@pytest.mark.parametrize("lhh", LAYOUTS.values(), ids=LAYOUTS)
def test_the_articles_two_halves_understand_each_other(tmp_path: Path, lhh: str) -> None:
    """Or else the tests above would prove nothing."""
    with article_server(tmp_path, lhh) as port:
        assert_all_are(first(3, watch(port, (320, 240), 80, lhh)), (320, 240))
