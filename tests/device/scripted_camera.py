"""A camera that does what its script says: the one fake below the pipeline. It has no clock."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from lenswire.device.camera import Grab, Picture
from lenswire.errors import CameraError

JPEG = b"\xff\xd8 not really a picture \xff\xd9"


class ScriptedCamera:
    """Frames come when the test says `shoot()`; `fail(words)` loses the camera."""

    description, width, height, fps, compressed = "scripted", 64, 48, 30.0, True

    def __init__(self) -> None:
        self.opened = self.closed = self.looked_at = 0
        self.problem = ""  # why it cannot be opened
        self._events: queue.Queue[Grab | CameraError] = queue.Queue()

    # For the test

    def shoot(self, lost: int = 0) -> int:
        captured = time.monotonic_ns()
        self._events.put(Grab(captured, lost))
        return captured

    def fail(self, words: str, kind: type[CameraError] = CameraError) -> None:
        self._events.put(kind(words))

    # For the pipeline

    def open(self) -> ScriptedCamera:
        if self.problem:
            raise CameraError(self.problem)
        self.opened += 1
        return self

    def grab(self, timeout: float) -> Grab | None:
        try:
            event = self._events.get(timeout=min(timeout, 0.02))
        except queue.Empty:
            return None
        if isinstance(event, CameraError):
            raise event
        return event

    def picture(self) -> Picture:
        self.looked_at += 1
        return Picture(self.width, self.height, jpeg=JPEG)

    def close(self) -> None:
        self.closed += 1


class Log:
    """What another thread said, in order; `wait` until it has said enough."""

    def __init__(self) -> None:
        self.said: list[object] = []
        self._more = threading.Condition()

    def __call__(self, what: object) -> None:
        with self._more:
            self.said.append(what)
            self._more.notify_all()

    def wait(self, condition: Callable[[list[object]], bool], limit: float = 10.0) -> list[object]:
        with self._more:
            assert self._more.wait_for(lambda: condition(self.said), limit), f"waited in vain; said: {self.said}"
            return list(self.said)
