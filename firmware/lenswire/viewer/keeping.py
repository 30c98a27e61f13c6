"""What is kept of one camera: the recording that goes on, the last seconds, and files that are being completed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from lenswire.errors import LenswireError
from lenswire.messages import Status
from lenswire.viewer import overlay
from lenswire.viewer.files import named
from lenswire.viewer.reception import Received
from lenswire.viewer.recorder import Recorder
from lenswire.viewer.replay import Replay

SWITCH = 1_000_000_000  # ns for the device to begin with larger pictures


class Keeping:
    """receive() is called by the stream's thread, all else by the main thread. tell() gets what became of each file.

    split: the seconds of each file of a recording; 0: all in one.
    """

    def __init__(self, label: str, replay: Replay, tell: Callable[[str], None], split: float = 0.0) -> None:
        self._label, self._replay, self._tell, self._split = label, replay, tell, split
        self._recorder: Recorder | None = None
        self._ending: list[Recorder] = []  # nothing more goes in, but the disk has not got all
        self._small: tuple[int, int] | None = None  # rendition, and until when its pictures are left out

    def receive(self, received: Received) -> None:
        """A frame came. Never waits."""
        self._replay.keep(received)
        if (recorder := self._recorder) and not self._left_out(received):
            recorder.offer(received)

    @property
    def recording(self) -> bool:
        return self._recorder is not None

    @property
    def words(self) -> str:
        """That a recording is going on, and how it goes."""
        return overlay.recording(self._recorder) if self._recorder else ""

    def record(self, path: Path) -> None:
        """Begin. Raises LenswireError."""
        recorder = Recorder(path, self._label, self._split)
        recorder.start()
        self._recorder = recorder

    def toggle(self, camera: str, small: Received | None, status: Status | None) -> None:
        """Begin a recording, or end the one that goes on.

        small: the newest picture, if it was asked for smaller than what is recorded: what comes like it is left out.
        """
        if self._recorder:
            return self._end_recording()
        as_large = small and status and (small.frame.width, small.frame.height) == (status.width, status.height)
        self._small = (small.frame.rendition, small.received + SWITCH) if small and not as_large else None
        try:
            self.record(named(camera, time.time(), ".mkv"))
        except LenswireError as error:
            self._tell(str(error))
        return None

    def save_replay(self, camera: str) -> None:
        """Write the last seconds into a file, without waiting for it."""
        frames = self._replay.frames()
        if not frames:
            return self._tell("there is nothing yet of the last seconds")
        begun = time.time() - frames[0].age(time.monotonic_ns())
        try:
            recorder = Recorder(named(camera, begun, ".mkv"), self._label, queue=len(frames) + 1)
        except LenswireError as error:
            return self._tell(str(error))
        recorder.start()
        for received in frames:
            recorder.offer(received)
        recorder.end()
        self._ending.append(recorder)
        return None

    def look_after(self) -> None:
        """End what has failed, and tell of what is complete."""
        if self._recorder and self._recorder.problem:
            self._end_recording()
        for recorder in [recorder for recorder in self._ending if recorder.done]:
            self._ending.remove(recorder)
            self._tell(recorder.problem or recorder.summary())

    def stop(self) -> None:
        """Complete all files."""
        if self._recorder:
            self._end_recording()
        for recorder in self._ending:
            recorder.stop()
            self._tell(recorder.problem or recorder.summary())
        self._ending.clear()

    def _end_recording(self) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder:
            recorder.end()
            self._ending.append(recorder)

    def _left_out(self, received: Received) -> bool:
        if self._small and (received.frame.rendition != self._small[0] or received.received > self._small[1]):
            self._small = None
        return self._small is not None
