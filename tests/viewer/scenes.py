"""The viewer in front of us: scripted streams, a real window, keys, and a clock that the test turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from window_pixels import BLUE, RED, close_to, pixels, press

from lenswire.link import Target
from lenswire.messages import Frame, Result, Status, Verb, Watch
from lenswire.viewer.reception import Received, Statistics
from lenswire.viewer.wall import Wall
from lenswire.viewer.window import Window

MS = 1_000_000
GREEN = (0, 200, 0)
SIZE = (640, 480)


@dataclass
class ScriptedStream:
    """Connected and streaming, until the test says something else."""

    connected: bool = True
    problem: str = ""
    failure: Exception | None = None
    status: Status | None = field(default_factory=lambda: Status("STREAMING", camera="C920"))
    device_name: str = ""
    tls: bool = True
    statistics: Statistics = field(default_factory=Statistics)
    on_result: Callable[[Result], None] = print
    running: bool = False
    commands: list[Verb] = field(default_factory=list)
    watched: list[Watch] = field(default_factory=list)
    receive: Callable[[Received], None] = print

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def watch(self, watch: Watch) -> None:
        self.watched.append(watch)

    def command(self, verb: Verb) -> int:
        self.commands.append(verb)
        self.on_result(Result(len(self.commands), True, "STOPPED"))
        return len(self.commands)


class Scene:
    """Cameras of these names in one window. Its clock stands, except where a test moves it."""

    def __init__(self, window: Window, *names: str, watch: Watch | None = None, split: float = 0) -> None:
        self.window = window
        self.now = 1_000_000 * MS
        self.streams = {name: ScriptedStream() for name in names}
        self.stream = self.streams[names[0]]
        targets = [Target("127.0.0.1", name=name) for name in names]
        self.wall = Wall(window, targets, watch, split=split, open_stream=self._open, clock=lambda: self.now)
        self.number = 0

    def _open(self, target: Target, watch: Watch, receive: Callable[[Received], None]) -> ScriptedStream:
        stream = self.streams[target.name]
        stream.receive = receive
        stream.watched.append(watch)
        return stream

    def send(self, jpeg: bytes, size: tuple[int, int] = SIZE, to: str = "", rendition: int = 1) -> None:
        """A frame comes that was captured 10 ms ago."""
        self.number += 1
        captured = self.now - 10 * MS
        frame = Frame(self.number, captured, rendition, *size, 0, 0, memoryview(jpeg))
        stream = self.streams[to] if to else self.stream
        stream.receive(Received(frame, self.now, captured, MS, 0))

    def look(self, milliseconds: float = 0) -> NDArray[np.uint8]:
        """What the window shows after so long."""
        self.now += round(milliseconds * MS)
        self.wall._news.set()  # no picture is waited for
        self.wall.turn()
        return pixels(self.window)

    def told(self, capsys: pytest.CaptureFixture[str]) -> str:
        """What is said on stderr next."""
        end, told = time.monotonic() + 10, ""
        while not told:
            assert time.monotonic() < end
            self.look()
            told = capsys.readouterr().err
        return told

    def after(self, key: str) -> NDArray[np.uint8]:
        """What the window shows once a key was pressed."""
        press(key)
        return self.look()


def saved(kind: str, camera: str = "porch") -> list[Path]:
    return sorted(Path().glob(f"lenswire-{camera}-*{kind}"))


def framed(shown: NDArray[np.uint8], colour: tuple[int, ...]) -> bool:
    return close_to(shown[-1, 200], colour[::-1]) and close_to(shown[100, 0], colour[::-1])


def live(shown: NDArray[np.uint8], left: tuple[int, int, int] = BLUE) -> bool:
    return close_to(shown[100, 0], left) and close_to(shown[100, 600], RED)
