"""The window of `lenswire view` on a real X server, and what it says of its picture."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from lenswire.link import Target
from lenswire.viewer.window.lettering import RED

WIDTH, HEIGHT = 640, 480


class Screen:
    """Shows one device, full screen."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._viewer: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        read, write = os.pipe()
        words = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-fbdir", str(self._folder)]
        self._server = subprocess.Popen([*words, "-nolisten", "tcp"], pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as display:
            self._display = f":{display.readline().strip()}"
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self._viewer, self._server):
            if process:
                process.terminate()
                process.wait()

    def show(self, target: Target) -> None:
        command = [sys.executable, "-m", "lenswire.cli", "view", "--fullscreen", target.link]
        environment = {**os.environ, "DISPLAY": self._display, "SDL_VIDEODRIVER": "x11"}
        self._viewer = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)

    @property
    def live(self) -> bool:
        """A picture is shown, and nothing says that it is old."""
        pixels = self.pixels()
        return not self.stale and int(pixels.max()) > 200 and len(np.unique(pixels[HEIGHT // 2])) > 50

    @property
    def stale(self) -> bool:
        """The red frame of a picture that is not live."""
        pixels = self.pixels()
        edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).astype(int)
        return bool((np.abs(edge - RED[::-1]).max(1) < 12).mean() > 0.9)

    def pixels(self) -> NDArray[np.uint8]:
        """(height, width, 3), BGR, from the memory that the X server draws into (an XWD file, big-endian words)."""
        dump = (self._folder / "Xvfb_screen0").read_bytes()
        size, row, colours = (struct.unpack_from(">I", dump, 4 * word)[0] for word in (0, 12, 19))
        flat = np.frombuffer(dump, np.uint8, row * HEIGHT, size + 12 * colours)
        return flat.reshape(HEIGHT, row // 4, 4)[:, :WIDTH, :3]

    def save(self, path: Path) -> None:
        cv2.imwrite(str(path), self.pixels())
