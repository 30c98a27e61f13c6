"""Three real devices in one window on a real X server; their pictures' ages are read from the screen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray
from real_device import LIMIT, Device, Serve

from eventually import until
from lenswire import stamp
from lenswire.viewer import overlay
from lenswire.viewer.window.lettering import RED
from programs import need

SIZE = 1280, 720
CAMERA = 640, 360
TILE = 636, 358  # what fits into a place of 638 x 358
FRESH = 0.7  # seconds: on a machine that does a lot else


class Screen:
    """An X server of its own, and what it shows."""

    def __init__(self, folder: Path) -> None:
        read, write = os.pipe()
        words = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-fbdir", str(folder)]
        self.server = subprocess.Popen([*words, "-nolisten", "tcp"], pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as display:
            self.display = f":{display.readline().strip()}"
        # XWD: a header, colours, the pixels; the first word is the header's length, the 20th the number of colours.
        memory = np.memmap(folder / "Xvfb_screen0", np.uint8, "r")
        header, colours = (int.from_bytes(memory[4 * i : 4 * i + 4].tobytes(), "big") for i in (0, 19))
        pixels = memory[header + 12 * colours :][: SIZE[0] * SIZE[1] * 4]
        self._pixels = pixels.reshape(SIZE[1], SIZE[0], 4)[..., :3]

    def tile(self, number: int) -> NDArray[np.uint8]:
        """One of three cameras, counted from 1; 0 is all of the screen."""
        left, top, width, height = overlay.grid(3, SIZE)[1][number - 1] if number else (0, 0, *SIZE)
        x, y, wide, high = overlay.fit(CAMERA, (width, height))
        return np.array(self._pixels[top + y : top + y + high, left + x : left + x + wide])

    def age(self, number: int) -> float:
        """Seconds since the picture there was captured; as many as there are if it shows none."""
        looks = (stamp.read(self.tile(number)[..., 1]) for _ in range(20))  # it may be half drawn
        return time.monotonic() - next(filter(None, looks), 0) / 1e6

    def fresh(self, *numbers: int) -> bool:
        return all(self.age(number) < FRESH for number in numbers)

    def alarm(self, number: int) -> bool:
        """In a red frame."""
        return bool((self.tile(number)[-1].astype(int) == RED[::-1]).all(1).mean() > 0.9)

    def press(self, key: str) -> None:
        subprocess.run(["xdotool", "key", key], check=True, env=os.environ | {"DISPLAY": self.display})

    def save(self, path: Path) -> None:
        path.write_bytes(simplejpeg.encode_jpeg(np.array(self._pixels), colorspace="BGR"))


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    need("Xvfb", "xdotool", "ffprobe")
    (tmp_path / "screen").mkdir()
    screen = Screen(tmp_path / "screen")
    yield screen
    screen.server.terminate()
    screen.server.wait()


@pytest.fixture
def window(screen: Screen, cameras: list[Device], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The viewer on all three. What it says goes into a file."""
    (tmp_path / "films").mkdir()
    command = [sys.executable, "-m", "lenswire.cli", "view", "--fullscreen", *(camera.address for camera in cameras)]
    environment = os.environ | {"DISPLAY": screen.display, "SDL_VIDEODRIVER": "x11"}
    with (tmp_path / "said").open("w") as said:
        view = subprocess.Popen(command, env=environment, cwd=tmp_path / "films", stderr=said)
    yield view
    view.kill()
    view.wait()


@pytest.fixture
def cameras(serve: Serve) -> list[Device]:
    return [serve("--source", "pattern", "--size", f"{CAMERA[0]}x{CAMERA[1]}", "--fps", "20") for _ in range(3)]


def rendition(camera: Device) -> dict[str, Any]:
    """The only one that the device makes."""
    (only,) = camera.status()["renditions"]
    return dict(only)


def test_one_dies_and_comes_back_while_the_others_go_on(
    screen: Screen, window: subprocess.Popen[bytes], cameras: list[Device], tmp_path: Path
) -> None:
    porch, gate, shed = cameras
    until(lambda: screen.fresh(1, 2, 3), "three fresh pictures")
    assert (rendition(porch)["width"], rendition(porch)["height"]) == TILE

    gate.stop(signal.SIGKILL)
    until(lambda: screen.alarm(2), "the alarm at the dead one")
    dead = time.monotonic()
    while time.monotonic() < dead + 1.5:
        assert screen.fresh(1, 3)
        assert not screen.alarm(1)
        time.sleep(0.02)
    screen.save(tmp_path / "dead.jpg")
    gate.start()
    until(lambda: screen.fresh(1, 2, 3) and not screen.alarm(2), "the picture of the one that is back")

    screen.press("2")
    until(lambda: screen.fresh(0), "one large")
    until(lambda: rendition(gate)["width"] == CAMERA[0], "its pictures whole")
    until(lambda: rendition(porch)["fps"] < 0.01 and rendition(shed)["fps"] < 0.01, "nothing of the hidden ones")
    screen.press("b")
    until(lambda: list((tmp_path / "films").glob("*.mkv")), "the last seconds in a file")
    screen.press("g")
    until(lambda: screen.fresh(1, 2, 3), "all of them again")
    screen.press("q")
    assert window.wait(LIMIT) == 0
    check(sorted((tmp_path / "films").iterdir()), (tmp_path / "said").read_text())


def probed(path: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-count_packets", "-show_streams", "-of", "json", str(path)]
    return dict(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


def check(films: list[Path], words: str) -> None:
    """The files have as many frames as were told, at the times that are drawn into their pixels."""
    count = 0
    for path in films:
        with av.open(str(path)) as container:
            packets = [packet for packet in container.demux(video=0) if packet.size]
        assert int(probed(path)["streams"][0]["nb_read_packets"]) == len(packets)
        drawn = [stamp.read(simplejpeg.decode_jpeg(bytes(packet), "GRAY")[..., 0]) for packet in packets]
        assert None not in drawn
        written = [float(packet.pts * packet.time_base * 1000) for packet in packets]
        assert written == pytest.approx([(time - drawn[0]) / 1000 for time in drawn], abs=1)
        count += len(packets)
    assert f"recorded {count} pictures, " in words
