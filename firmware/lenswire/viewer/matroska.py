"""One .mkv file: the JPEGs as received, at the device's capture times."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import Flags

from lenswire.viewer.reception import Received

MILLISECOND = 1_000_000  # ns: Matroska's unit of time
FAILURES = (OSError, av.FFmpegError)  # what writing may raise


class Part:
    """One file: pictures of one size, from one run of the device's clock, and of at most so many seconds (0: all)."""

    def __init__(self, path: Path, first: Received, camera: str, longest: float = 0.0) -> None:
        """Raises FAILURES, as write() and close() do."""
        self.seconds = 0.0
        self._size = first.frame.width, first.frame.height
        self._first, self._previous = first.frame.captured, first
        self._end = first.frame.captured + round(longest * 1e9) if longest else None
        self._pts = -1
        self._file: Any = av.open(path, "w", format="matroska")
        # FFmpeg completes a cluster at the first key frame after 4 kB, and every JPEG is one. With this, a crash costs
        # the last one or two pictures.
        self._file.flags |= Flags.flush_packets.value
        captured = datetime.fromtimestamp(taken(first), UTC)
        self._file.metadata.update(title=camera, creation_time=captured.isoformat())
        width, height = self._size
        unit = Fraction(1, 1000)
        self._stream = self._file.add_mux_stream("mjpeg", width=width, height=height, time_base=unit)

    def continues(self, received: Received) -> bool:
        """The frame belongs into this file."""
        before, self._previous = self._previous, received
        same = received.same_clock(before) and (received.frame.width, received.frame.height) == self._size
        return same and (self._end is None or received.frame.captured < self._end)

    def write(self, received: Received) -> bool:
        """Add a frame; False if it is not later than the one before."""
        pts = round((received.frame.captured - self._first) / MILLISECOND)
        if pts <= self._pts:
            return False
        packet = av.Packet(received.frame.jpeg)
        packet.stream, packet.time_base = self._stream, self._stream.time_base
        packet.pts = packet.dts = self._pts = pts
        self._file.mux(packet)
        self.seconds = pts / 1000
        return True

    def close(self) -> None:
        """Complete the file with its length and an index."""
        self._file.close()

    def abandon(self) -> None:
        """Leave the file as it is, after an error."""
        with contextlib.suppress(*FAILURES):
            self._file.close()


def taken(received: Received) -> float:
    """When a frame was captured, in seconds since 1970, by the clock of this machine."""
    return time.time() - received.age(time.monotonic_ns())
