"""The USB camera on a /dev/video0 that a library loaded before libc gives to any program (tests/bench/fakev4l2.c).

What the fake kernel cannot show: that our structs, numbers, mmap and poll are what C programs use.
"""

from __future__ import annotations

import itertools
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lenswire import stamp
from programs import need

BENCH = Path(__file__).parents[2] / "bench"
FRAMES = 40

PROGRAM = """
import pickle, sys
from lenswire.device.camera import CameraWish
from lenswire.device.camera.source import open_camera

camera = open_camera("usb:/dev/video0", CameraWish(640, 480, 60))
print(camera.description, camera.width, camera.height, camera.fps, camera.compressed, file=sys.stderr)
seen = []
for _ in range(int(sys.argv[1])):
    grab, picture = camera.grab(5), camera.picture()
    seen.append((grab.captured, grab.lost, bytes(picture.jpeg or picture.kept().planes[0])))
camera.close()
sys.stdout.buffer.write(pickle.dumps(seen))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("gcc")
    folder = tmp_path_factory.mktemp("fakev4l2")
    built = folder / "fakev4l2.so"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-o", str(built)]
    subprocess.run(["gcc", *flags, str(BENCH / "fakev4l2.c"), "-ldl", "-lpthread"], check=True)
    subprocess.run([sys.executable, str(BENCH / "mkframes.py"), str(folder), "640x480"], check=True)
    return built


def captured(library: Path, formats: str) -> tuple[list[tuple[int, int, bytes]], str]:
    """What a program sees of 40 frames: capture time, lost, content; and what it said."""
    settings = {
        "LD_PRELOAD": str(library),
        "FAKEV4L2_DIR": str(library.parent),
        "FAKEV4L2_FPS": "60",
        "FAKEV4L2_FORMATS": formats,
    }
    program = [sys.executable, "-c", PROGRAM, str(FRAMES)]
    run = subprocess.run(program, env=os.environ | settings, capture_output=True, timeout=30)
    said = run.stderr.decode()
    assert run.returncode == 0, said
    return pickle.loads(run.stdout), said


def sent(library: Path, suffix: str) -> list[bytes]:
    """The clip that is played."""
    data = (library.parent / f"640x480.{suffix}").read_bytes()
    frames, at = [], 4
    for _ in range(struct.unpack_from("<I", data)[0]):
        (length,) = struct.unpack_from("<I", data, at)
        frames.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return frames


def test_jpegs_arrive_byte_for_byte_as_they_were_sent(library: Path) -> None:
    seen, said = captured(library, "YUYV,MJPG")
    assert said == "Fake camera (/dev/video0) 640 480 60.0 True\n"
    clip = sent(library, "mjpg")
    for time, _, jpeg in seen:
        # In front of what is in the clip, the camera has put the time: "FKV4:" and twelve digits, as a comment.
        assert jpeg[:2] + jpeg[23:] in clip
        assert jpeg[2:23] == b"\xff\xfe\x00\x13FKV4:%012x" % (time // 1000)


def test_frames_that_are_not_lost_follow_each_other(library: Path) -> None:
    seen, _ = captured(library, "YUYV,MJPG")
    clip = sent(library, "mjpg")
    numbers = [clip.index(jpeg[:2] + jpeg[23:]) for _, _, jpeg in seen]
    steps = [(after - before) % len(clip) for before, after in itertools.pairwise(numbers)]
    assert steps == [(1 + lost) % len(clip) for _, lost, _ in seen[1:]]


def test_luma_of_yuyv_arrives_as_it_was_sent(library: Path) -> None:
    seen, said = captured(library, "YUYV")
    assert said == "Fake camera (/dev/video0) 640 480 60.0 False\n"
    clip = [np.frombuffer(frame, np.uint8)[::2].reshape(480, 640) for frame in sent(library, "yuyv")]
    for time, _, luma in seen:
        y = np.frombuffer(luma, np.uint8).reshape(480, 640)
        assert any((y[32:] == frame[32:]).all() for frame in clip)
        assert stamp.read(y[:, :512]) == time // 1000  # where the camera has drawn the time
