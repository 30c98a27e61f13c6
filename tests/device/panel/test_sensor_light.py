"""The sensor's light tells what is done with it, not what was wished: lit before it opens, dark once it is closed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lenswire.device.camera import Grab, Picture
from lenswire.device.encoder import choose
from lenswire.device.pipeline import Pipeline
from lenswire.errors import CameraError


class Journal:
    """What was done, in order, with a light and the sensor beside it."""

    description, width, height, fps, compressed = "journal", 64, 48, 30.0, True

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        self.lines: list[str] = []
        self._came = threading.Condition()

    def write(self, line: str) -> None:
        with self._came:
            self.lines.append(line)
            self._came.notify_all()

    def wait(self, lines: int) -> list[str]:
        with self._came:
            assert self._came.wait_for(lambda: len(self.lines) >= lines, timeout=10), self.lines
            return self.lines

    def sensor(self, is_open: bool) -> None:
        self.write("lit" if is_open else "dark")

    def open(self) -> Journal:
        self.write("opening")
        if self.problem:
            raise CameraError(self.problem)
        return self

    def grab(self, timeout: float) -> Grab | None:
        time.sleep(0.005)
        return Grab(time.monotonic_ns())

    def picture(self) -> Picture:
        raise AssertionError("nobody watches")

    def close(self) -> None:
        self.write("closed")


@contextmanager
def running(journal: Journal) -> Iterator[Pipeline]:
    told: list[object] = []
    pipeline = Pipeline(journal.open, choose, 80, told.append, told.append, sensor=journal.sensor)
    pipeline.start()
    try:
        yield pipeline
    finally:
        pipeline.stop()


def test_lit_before_it_opens_and_dark_after_it_is_closed() -> None:
    journal = Journal()
    with running(journal) as pipeline:
        assert journal.lines == []
        pipeline.want(True, False)
        assert journal.wait(2) == ["lit", "opening"]
        pipeline.want(False, False)
        assert journal.wait(4) == ["lit", "opening", "closed", "dark"]
        pipeline.want(True, False)
        journal.wait(6)
    assert journal.lines == ["lit", "opening", "closed", "dark"] * 2


def test_dark_again_when_it_does_not_open() -> None:
    journal = Journal("no such camera")
    with running(journal) as pipeline:
        pipeline.want(True, False)
        assert journal.wait(3) == ["lit", "opening", "dark"]
