"""The pins of the virtual Pi, driven and read from outside: QEMU's PL061 over its qtest socket.

The guest sees a real gpiochip with eight lines. An input is held at a level from here; an output is read from the
chip's own registers, so that what is seen is what the guest put on the line.
"""

from __future__ import annotations

import socket
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

PL061 = 0x0903_0000  # in QEMU's machine "virt"
DATA, DIRECTION = PL061 + 0x3FC, PL061 + 0x400
LINES = range(8)


class Edge(NamedTuple):
    """A line changed to this level, in seconds of time.monotonic()."""

    at: float
    level: bool


class Gpio:
    """All lines of the chip. One at a time may hold the socket."""

    def __init__(self, path: Path, chip: str) -> None:
        """path: of the qtest socket. chip: the PL061's name in QEMU's tree of objects."""
        self._chip = chip
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(10)
        self._socket.connect(str(path))
        self._answers = self._socket.makefile("r")
        for line in LINES:
            self.drive(line, True)  # as the pull-ups of a Pi's header do

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    def drive(self, line: int, level: bool) -> None:
        """Hold an input at a level."""
        self._ask(f"set_irq_in {self._chip} unnamed-gpio-in {line} {int(level)}")

    def level(self, line: int) -> bool:
        """What the guest puts on an output; false for a line that it does not drive."""
        return bool(self._register(DATA) & self._register(DIRECTION) >> line << line & 1 << line)

    def watch(self, line: int, seconds: float) -> list[Edge]:
        """Every change of an output for so long, the first entry being how it was at the beginning."""
        edges = [Edge(time.monotonic(), self.level(line))]
        end = edges[0].at + seconds
        while (now := time.monotonic()) < end:
            if (level := self.level(line)) != edges[-1].level:
                edges.append(Edge(now, level))
            time.sleep(0.002)
        return edges

    def _register(self, address: int) -> int:
        return int(self._ask(f"readl {address:#x}"), 0)

    def _ask(self, command: str) -> str:
        self._socket.sendall(command.encode() + b"\n")
        while not (answer := self._answers.readline()).startswith("OK"):
            if not answer or answer.startswith(("FAIL", "ERR")):
                raise ConnectionError(f"qtest: {command}: {answer.strip() or 'the machine is gone'}")
        return answer[2:].strip()


def spans(edges: list[Edge], level: bool) -> list[float]:
    """How long the line was at this level, each time it was seen to come and to go."""
    return [after.at - before.at for before, after in list(pairwise(edges))[1:] if before.level == level]
