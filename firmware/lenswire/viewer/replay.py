"""What the cameras showed in the last seconds, kept in memory as it came: the JPEGs themselves, not copies."""

from __future__ import annotations

import threading
from collections import deque

from lenswire.viewer.reception import Received

SECONDS = 30.0
# All cameras together: 30 s of three at 720p and 30 fps. Where it is not enough, the oldest pictures go first, whosever
# they are.
LIMIT = 256_000_000  # bytes


class Memory:
    """Shared by several cameras. May be used from any thread."""

    def __init__(self, seconds: float = SECONDS, limit: int = LIMIT) -> None:
        self.bytes = 0
        self._span, self._limit = round(seconds * 1e9), limit
        self._lock = threading.Lock()
        self._replays: list[deque[Received]] = []

    def replay(self) -> Replay:
        """A place for one more camera."""
        kept: deque[Received] = deque()
        with self._lock:
            self._replays.append(kept)
        return Replay(self, kept)

    def keep(self, kept: deque[Received], received: Received) -> None:
        with self._lock:
            kept.append(received)
            self.bytes += len(received.frame.jpeg)
            while received.received - kept[0].received > self._span:
                self._forget(kept)
            while self.bytes > self._limit:
                self._forget(min(filter(None, self._replays), key=lambda replay: replay[0].received))

    def copy(self, kept: deque[Received]) -> list[Received]:
        with self._lock:
            return list(kept)

    def _forget(self, kept: deque[Received]) -> None:
        self.bytes -= len(kept.popleft().frame.jpeg)


class Replay:
    """The last pictures of one camera. Of one that gives no more, the last that it gave."""

    def __init__(self, memory: Memory, kept: deque[Received]) -> None:
        self._memory, self._kept = memory, kept

    def keep(self, received: Received) -> None:
        self._memory.keep(self._kept, received)

    def frames(self) -> list[Received]:
        """The oldest first."""
        return self._memory.copy(self._kept)
