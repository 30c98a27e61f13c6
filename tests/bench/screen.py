"""Camera to screen: how old is a picture when its pixels are on a real X server's screen?

The stand-in camera draws the time of capture into each picture; a server sends it, a viewer shows it full size, and the
blocks are read back from the memory that Xvfb draws into, which costs the X server nothing.
"""

from __future__ import annotations

import mmap
import os
import shlex
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from figures import Bar, Figures, percentile
from servers import EVERY_CORE, LENSWIRE, OURS, USTREAMER, Case, Server, cpu_seconds
from viewers import CELL

from lenswire import stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

HD, FULL_HD = Case("YUYV"), Case("YUYV", 1920, 1080, 60)
LOOKS = 500  # a second
FIRST_PICTURE = 20.0  # seconds; the viewer has to start first
WARM_UP = 2.0
_FROM_USTREAMER = "http://127.0.0.1:{port}/stream"
VIEWERS = {
    OURS.name: (OURS, f"{LENSWIRE} view --fullscreen 127.0.0.1:{{port}}"),
    USTREAMER.name: (
        USTREAMER,
        f"gst-launch-1.0 -q souphttpsrc location={_FROM_USTREAMER} is-live=true ! multipartdemux ! jpegdec ! "
        "videoconvert ! ximagesink sync=false",
    ),
    "mpv": (
        USTREAMER,
        "mpv --no-config --really-quiet --no-audio --profile=low-latency --untimed --no-border --no-osc --osd-level=0 "
        f"--geometry={HD.width}x{HD.height}+0+0 --vo=x11 {_FROM_USTREAMER}",
    ),
}


class Screen:
    """An X server and its picture."""

    def __init__(self, folder: str, case: Case) -> None:
        read, write = os.pipe()
        words = f"Xvfb -displayfd {write} -screen 0 {case.width}x{case.height}x24 -fbdir {folder} -nolisten tcp"
        self._server = subprocess.Popen(shlex.split(words), pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as display:
            self.display = f":{display.readline().strip()}"
        with Path(folder, "Xvfb_screen0").open("rb") as file:
            self._memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        # XWD: 25 words of 32 bits, big-endian, then colours of 12 bytes each, then the pixels.
        header = struct.unpack(">25I", self._memory[:100])
        size, height, row, colours = header[0], header[5], header[12], header[19]
        pixels = np.frombuffer(self._memory, np.uint8, row * height, size + 12 * colours)
        self._green: NDArray[np.uint8] = pixels.reshape(height, row // 4, 4)[..., 1]

    def captured_at(self) -> int | None:
        """Microseconds of CLOCK_MONOTONIC, from the picture that is on the screen now."""
        return stamp.read(self._green[: 2 * CELL, : stamp.CELLS * CELL])

    def close(self) -> None:
        self._server.terminate()
        self._server.wait()


def camera_to_screen(name: str, case: Case, seconds: float, figures: Figures) -> None:
    """At 1080p60 the viewer is kept to one core of the machine."""
    server, viewer = VIEWERS[name]
    with _screen(case) as screen, Server(server, case, EVERY_CORE) as running:
        environment = os.environ | {"DISPLAY": screen.display, "SDL_VIDEO_WINDOW_POS": "0,0"}
        pinned = f"taskset -c {EVERY_CORE[-1]} " if case == FULL_HD else ""
        words = shlex.split(pinned + viewer.format(port=running.port))
        with running.log.with_suffix(".viewer.log").open("w") as log:
            process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _wait_for_picture(screen, name)
            used = cpu_seconds(process.pid)
            appeared, shown = _look(screen, seconds)
            used = cpu_seconds(process.pid) - used
        finally:
            process.terminate()
            process.wait()
    if not appeared:
        raise TimeoutError(f"{name}: the picture stands still")
    what = f"camera to screen, {case.height}p{case.fps}"
    usual = case == HD
    figures.add(f"{what}: age p50 when it appears, ms", name, percentile(appeared, 50), Bar(9) if usual else None)
    figures.add(f"{what}: age p95 when it appears, ms", name, percentile(appeared, 95))
    figures.add(f"{what}: age p50 of what is shown, ms", name, percentile(shown, 50))
    figures.add(f"{what}: pictures a second", name, len(appeared) / seconds, Bar(0.97 * case.fps, at_least=True))
    figures.add(f"{what}: the viewer's CPU, % of a core", name, 100 * used / seconds, Bar(14) if usual else None)


def _look(screen: Screen, seconds: float) -> tuple[list[float], list[float]]:
    """The ages (ms) of pictures when they were first seen, and of what was there at each look."""
    appeared: list[float] = []
    shown: list[float] = []
    last = screen.captured_at()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(1 / LOOKS)
        captured = screen.captured_at()
        if captured is None:  # half of it is drawn
            continue
        shown.append(time.monotonic_ns() / 1e6 - captured / 1e3)
        if captured != last:
            appeared.append(shown[-1])
        last = captured
    return appeared, shown


def _wait_for_picture(screen: Screen, name: str) -> None:
    late = time.monotonic() + FIRST_PICTURE
    while screen.captured_at() is None:
        if time.monotonic() > late:
            raise TimeoutError(f"{name}: no picture on the screen in {FIRST_PICTURE:g} s")
        time.sleep(0.05)
    time.sleep(WARM_UP)


@contextmanager
def _screen(case: Case) -> Iterator[Screen]:
    with tempfile.TemporaryDirectory() as folder:
        screen = Screen(folder, case)
        try:
            yield screen
        finally:
            screen.close()
