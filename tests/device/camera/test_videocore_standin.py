"""The virtual Pi's JPEG encoder (tests/appliance/videocore), driven here as picamera2 drives the board's.

Each test is a program that the library is loaded into; its asserts are the test's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from programs import need

SOURCE = Path(__file__).parents[2] / "appliance" / "videocore" / "videocore.c"
PRELUDE = """
import fcntl, os, select, sys
from pathlib import Path
import numpy as np, simplejpeg, videodev2 as v4l2
from mem2mem import Encoder, dma_buf, noise, smooth
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("gcc")
    built = tmp_path_factory.mktemp("videocore") / "videocore.so"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-o", str(built)]
    subprocess.run(["gcc", *flags, str(SOURCE), "-ldl", "-lpthread", "-lm"], check=True)
    return built


def run(library: Path, program: str, **settings: str) -> list[str]:
    """What the library said."""
    environment = os.environ | {"LD_PRELOAD": str(library), "PYTHONPATH": str(Path(__file__).parent)} | settings
    command = [sys.executable, "-c", PRELUDE + program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    if "libturbojpeg.so.0: cannot open" in done.stderr:
        assert "CI" not in os.environ, done.stderr
        pytest.skip("needs libturbojpeg0; .ci/run shows Debian's packages")
    assert done.returncode == 0, done.stderr
    return [line.removeprefix("videocore: ") for line in done.stderr.splitlines()]


def test_the_nodes_are_those_of_a_board_up_to_the_pi_4(library: Path) -> None:
    program = """
cards = []
for number in range(64):
    if os.path.exists(f"/dev/video{number}") and Path(f"/dev/video{number}").is_char_device():
        with open(f"/dev/video{number}", "rb+", buffering=0) as device:
            capability = v4l2.v4l2_capability()
            fcntl.ioctl(device, v4l2.VIDIOC_QUERYCAP, capability)
            cards.append(v4l2.arr_to_str(capability.card))
assert {"bcm2835-codec-encode", "bcm2835-isp"} <= set(cards), cards
"""
    assert run(library, program) == []


def test_what_comes_out_is_what_went_in(library: Path) -> None:
    program = """
encoder = Encoder(600, 400, 20_000_000)
assert encoder.raw == (600, 400, 640, 640 * 400 * 3 // 2)
planes = smooth(600, 400)
jpeg = encoder.code(dma_buf(*planes, stride=640), 123_456_789_012)
ideal = simplejpeg.encode_jpeg_yuv_planes(*planes, quality=98)
pictures = [simplejpeg.decode_jpeg(data, "BGR").astype(float) for data in (jpeg, ideal)]
assert jpeg.endswith(b"\\xff\\xd9") and pictures[0].shape == (400, 600, 3)
noise_power = np.mean((pictures[0] - pictures[1]) ** 2)
assert 10 * np.log10(255**2 / noise_power) > 38
encoder.close()
"""
    on, off = run(library, program)
    assert on == "on, 600x400 (stride 640), 20.00 Mbit/s, buffers of 524288 bytes"
    assert off.startswith("off, 1 pictures,")


def test_the_mean_follows_the_bitrate(library: Path) -> None:
    program = """
encoder = Encoder(320, 240, 2_000_000)
sizes = []
for number in range(60):
    planes = [(a * 0.9 + b * 0.1).astype(np.uint8) for a, b in zip(smooth(320, 240, number), noise(320, 240, number))]
    sizes.append(len(encoder.code(frame := dma_buf(*planes, stride=320), number * 50_000)))
    os.close(frame)
assert abs(np.mean(sizes[30:]) / (2_000_000 / 20 / 8) - 1) < 0.1, sizes
encoder.close()
"""
    run(library, program)


def test_a_picture_that_does_not_fit_is_cut_until_the_quality_has_followed(library: Path) -> None:
    program = """
encoder = Encoder(1280, 720, 40_000_000)
assert encoder.bitrate == 25_000_000
frame = dma_buf(*noise(1280, 720), stride=1280)
pictures = [encoder.code(frame, number * 33_333) for number in range(20)]
assert len(pictures[0]) == 512 << 10 and not pictures[0].endswith(b"\\xff\\xd9")
assert len(pictures[-1]) < 200_000 and pictures[-1].endswith(b"\\xff\\xd9")
encoder.close()
"""
    _, off = run(library, program)
    assert int(off.split(", ")[-1].removesuffix(" cut")) in range(3, 15)


def test_poll_tells_what_can_be_fetched_and_nothing_else(library: Path) -> None:
    program = """
encoder = Encoder(320, 240, 1_000_000)
assert encoder.before == select.POLLERR, "nothing is queued yet"
readable = lambda: select.select([encoder.device], [], [], 0)[0]
assert encoder.ready(0) == 0 and not readable()
encoder.feed(3, dma_buf(*smooth(320, 240), stride=320), 0)
while not readable():
    assert encoder.ready(5000)
assert encoder.ready(0) == select.POLLIN | select.POLLOUT
assert encoder.taken() == 3
assert encoder.ready(0) == select.POLLIN
encoder.made()
assert encoder.ready(0) == 0 and not readable()
encoder.close()
"""
    run(library, program)


def test_a_stalled_one_takes_buffers_and_returns_them_when_the_stall_ends(library: Path, tmp_path: Path) -> None:
    program = """
control = Path(os.environ["VIDEOCORE_CONTROL"])
control.write_text("stall\\n")
encoder = Encoder(320, 240, 1_000_000)
for index in range(6):
    encoder.feed(index, dma_buf(*smooth(320, 240), stride=320), index)
assert encoder.ready(100) == 0
control.unlink()
assert [encoder.made()[1] for _ in range(6)] == list(range(6))
assert [encoder.taken() for _ in range(6)] == list(range(6))
encoder.close()
"""
    run(library, program, VIDEOCORE_CONTROL=str(tmp_path / "control"))


def test_what_the_driver_clamps_or_refuses(library: Path) -> None:
    program = """
encoder = Encoder(1921, 2000, 1_000_000)
assert encoder.raw[:3] == (1920, 1920, 1984) and encoder.coded == (1920, 1920, 0, 768 << 10)
small = os.memfd_create("small")
os.truncate(small, 100)
for wrong in (lambda: encoder.feed(0, small, 0), lambda: encoder.feed(16, small, 0),
              lambda: encoder._format(1234, 640, 480, v4l2.V4L2_PIX_FMT_H264, 0, 0)):
    try:
        wrong()
        raise SystemExit("not refused")
    except OSError:
        pass
encoder.close()
"""
    run(library, program)


def test_nothing_is_left_open_or_mapped_also_when_it_is_closed_while_stalled(library: Path, tmp_path: Path) -> None:
    program = """
def held():
    maps = [line for line in Path("/proc/self/maps").read_text().splitlines() if "memfd:" in line]
    return len(os.listdir("/proc/self/fd")), len(maps), len(os.listdir("/proc/self/task"))

control = Path(os.environ["VIDEOCORE_CONTROL"])
frame = dma_buf(*smooth(320, 240), stride=320)
Encoder(320, 240, 1_000_000).close()
before = held()
for way in (Encoder.close, lambda encoder: [encoder.device.close(), *(m.close() for m in encoder.maps)]):
    for word in ("", "stall", "slow 10"):
        control.write_text(word)
        encoder = Encoder(320, 240, 1_000_000)
        for index in range(4):
            encoder.feed(index, frame, index)
        way(encoder)
assert held() == before, (held(), before)
"""
    said = run(library, program, VIDEOCORE_CONTROL=str(tmp_path / "control"))
    assert len([line for line in said if line.startswith("off, 0 pictures")]) >= 2
