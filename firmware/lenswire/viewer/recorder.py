"""Recording: every frame into .mkv files, on a thread of its own."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
from pathlib import Path
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING

from lenswire.errors import LenswireError, MissingDependency
from lenswire.viewer.files import timed, unused
from lenswire.viewer.reception import Received

if TYPE_CHECKING:
    from lenswire.viewer.matroska import Part

# A disk that hesitates for 2 s costs no picture at 30 fps; at 720p that is 6 MB of memory.
QUEUE = 64
JOIN_LIMIT = 10.0  # seconds for the disk to take what is waiting


class Recorder:
    """Writes frames; the thread that offers them never waits for the disk.

    When the queue is full, the frame that comes is dropped and counted: the ones in front of it are nearer the disk. A
    picture of another size, or a device that was restarted, begins another file: walk.mkv, walk-2.mkv. With `split` so
    do so many seconds, and each file has the time of its first picture in its name: walk-20250131-142530.mkv. A write
    error ends the recording: `problem` says why.
    """

    def __init__(self, path: Path, camera: str = "", split: float = 0.0, queue: int = QUEUE) -> None:
        """Nothing is written before the first frame. Raises LenswireError if nothing could be."""
        if path.suffix.lower() != ".mkv":
            raise LenswireError(f"{path}: expected a name that ends in .mkv")
        if not path.parent.is_dir():
            raise LenswireError(f"{path}: there is no directory {path.parent}")
        # It is loaded by the thread: that takes 0.1 s, in which no picture must stand still.
        if not importlib.util.find_spec("av"):
            raise MissingDependency("recording needs PyAV: pip install 'lenswire[viewer]'")
        self.path, self.camera, self.split = path, camera, split
        self.problem = ""
        self.frames = self.bytes = self.dropped = 0
        self.seconds = 0.0
        self.files: list[Path] = []
        self._ended = False
        self._queue: Queue[Received | None] = Queue(queue)
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

    def end(self) -> None:
        """Take no more frames; what is waiting is still written, and `done` says when it is. Never waits."""
        self._ended = True
        with contextlib.suppress(Full):  # then the thread sees it at the latest when it has written all
            self._queue.put_nowait(None)

    @property
    def done(self) -> bool:
        """Nothing more will be written."""
        return self._ended and not self._thread.is_alive()

    def stop(self) -> None:
        """Write what is waiting, and complete the file. A second call is no error."""
        self.end()
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
        from lenswire.viewer.matroska import FAILURES

        part: Part | None = None
        try:
            while received := self._next():
                part = self._write(part, received)
            if part:
                part.close()
        except FAILURES as error:
            where = self.files[-1] if self.files else self.path
            self.problem = f"{where}: the recording ended: {error.strerror}"
            if part:
                part.abandon()
            self._forget_waiting()

    def _next(self) -> Received | None:
        if self._ended and self._queue.empty():
            return None
        return self._queue.get()

    def _write(self, part: Part | None, received: Received) -> Part:
        from lenswire.viewer.matroska import Part

        if part and not part.continues(received):
            part.close()
            part = None
        if part is None:
            self.files.append(self._name(received))
            part = Part(self.files[-1], received, self.camera, self.split)
        before = part.seconds
        if part.write(received):
            self.frames += 1
            self.bytes += len(received.frame.jpeg)
            self.seconds += part.seconds - before
        else:
            self.dropped += 1
        return part

    def _name(self, first: Received) -> Path:
        from lenswire.viewer.matroska import taken

        if self.split:
            return timed(self.path, taken(first))
        return unused(self.path) if self.files else self.path

    def _forget_waiting(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self._queue.get_nowait()
