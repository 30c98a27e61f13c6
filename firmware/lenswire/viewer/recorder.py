"""Recording: the JPEGs as received, at the device's capture times, into .mkv. The only file that knows av (FFmpeg)."""

from __future__ import annotations

import contextlib
import threading
import time
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any

from lenswire.errors import LenswireError, MissingDependency
from lenswire.viewer.files import unused
from lenswire.viewer.reception import Received

try:
    import av
    from av.container import Flags
except ImportError:
    raise MissingDependency("recording needs PyAV: pip install 'lenswire[viewer]'") from None

MILLISECOND = 1_000_000  # ns: Matroska's unit of time
# A disk that hesitates for 2 s costs no picture at 30 fps; at 720p that is 6 MB of memory.
QUEUE = 64
# The device's clock started anew if what it shows is off by more, compared with ours, than from one frame to the next
# any error of the estimate could make it.
RESTART = 1_000_000_000  # ns
JOIN_LIMIT = 10.0  # seconds for the disk to take what is waiting


class Recorder:
    """Writes frames on a thread of its own; the thread that offers them never waits for the disk.

    When the queue is full, the frame that comes is dropped and counted: the ones in front of it are nearer the disk. A
    picture of another size, or a device that was restarted, begins another file: walk.mkv, walk-2.mkv. A write error
    ends the recording: `problem` says why.
    """

    def __init__(self, path: Path, camera: str = "") -> None:
        """Nothing is written before the first frame. Raises LenswireError if nothing could be."""
        if path.suffix.lower() != ".mkv":
            raise LenswireError(f"{path}: expected a name that ends in .mkv")
        if not path.parent.is_dir():
            raise LenswireError(f"{path}: there is no directory {path.parent}")
        self.path, self.camera = path, camera
        self.problem = ""
        self.frames = self.bytes = self.dropped = 0
        self.seconds = 0.0
        self.files: list[Path] = []
        self._ended = False
        self._queue: Queue[Received | None] = Queue(QUEUE)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def offer(self, received: Received) -> None:
        """Record a frame. From any one thread; never waits."""
        if self._ended or self.problem:
            return
        try:
            self._queue.put_nowait(received)
        except Full:
            self.dropped += 1

    def stop(self) -> None:
        """Write what is waiting, and complete the file. A second call is no error."""
        self._ended = True
        with contextlib.suppress(Full):
            self._queue.put(None, timeout=JOIN_LIMIT)
        self._thread.join(JOIN_LIMIT)
        if self._thread.is_alive():
            self.problem = f"{self.path}: the disk did not take the last pictures within {JOIN_LIMIT:.0f} s"

    def summary(self) -> str:
        """What has been written, in one line."""
        if not self.files:
            return "nothing was recorded: no picture came"
        lost = f", {self.dropped} dropped" if self.dropped else ""
        names = ", ".join(map(str, self.files))
        return f"recorded {self.frames} pictures{lost}, {self.seconds:.1f} s, {self.bytes / 1e6:.1f} MB: {names}"

    # In the thread

    def _run(self) -> None:
        part: Part | None = None
        try:
            while received := self._queue.get():
                part = self._write(part, received)
            if part:
                part.close()
        except (OSError, av.FFmpegError) as error:
            where = self.files[-1] if self.files else self.path
            self.problem = f"{where}: the recording ended: {error.strerror}"
            if part:
                part.abandon()
            self._forget_waiting()

    def _write(self, part: Part | None, received: Received) -> Part:
        if part and not part.continues(received):
            part.close()
            part = None
        if part is None:
            self.files.append(unused(self.path) if self.files else self.path)
            part = Part(self.files[-1], received, self.camera)
        before = part.seconds
        if part.write(received):
            self.frames += 1
            self.bytes += len(received.frame.jpeg)
            self.seconds += part.seconds - before
        else:
            self.dropped += 1
        return part

    def _forget_waiting(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._queue.get_nowait()


class Part:
    """One file: pictures of one size, from one run of the device's clock."""

    def __init__(self, path: Path, first: Received, camera: str) -> None:
        """Raises OSError or FFmpegError, as write() and close() do."""
        self.seconds = 0.0
        self._size = first.frame.width, first.frame.height
        self._first, self._previous = first.frame.captured, first
        self._pts = -1
        self._file: Any = av.open(path, "w", format="matroska")
        # FFmpeg completes a cluster at the first key frame after 4 kB, and every JPEG is one. With this, a crash costs
        # the last one or two pictures.
        self._file.flags |= Flags.flush_packets.value
        captured = datetime.fromtimestamp(time.time() - first.age(time.monotonic_ns()), UTC)
        self._file.metadata.update(title=camera, creation_time=captured.isoformat())
        width, height = self._size
        unit = Fraction(1, 1000)
        self._stream = self._file.add_mux_stream("mjpeg", width=width, height=height, time_base=unit)

    def continues(self, received: Received) -> bool:
        """The frame belongs into this file."""
        before, self._previous = self._previous, received
        moved = (received.captured - received.frame.captured) - (before.captured - before.frame.captured)
        return abs(moved) < RESTART and (received.frame.width, received.frame.height) == self._size

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
        with contextlib.suppress(OSError, av.FFmpegError):
            self._file.close()
