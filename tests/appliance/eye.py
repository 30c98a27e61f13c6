"""An eye on the device from outside: a viewer that keeps what it saw and when, over the product's own connection."""

from __future__ import annotations

import time
from typing import NamedTuple

from eventually import until
from lenswire.link import Target
from lenswire.messages import Status, Watch
from lenswire.viewer.connection import Received, Stream


class Seen(NamedTuple):
    """A picture, and when its last byte was here (time.monotonic())."""

    at: float
    jpeg: bytes
    age: float  # seconds since its capture


class Told(NamedTuple):
    """A status, and when it came."""

    at: float
    status: Status


class Eye(Stream):
    """Watches from its making to its stop(); goes on after whatever happens in between."""

    def __init__(self, target: Target, watch: Watch = Watch()) -> None:  # noqa: B008 - it is frozen
        self.seen: list[Seen] = []
        self.told: list[Told] = []
        super().__init__(target, watch, self._see)
        self.on_change = self._change
        self.start()

    def picture(self, what: str = "a picture", limit: float = 60.0) -> Seen:
        """The next one that comes."""
        count = len(self.seen)
        return until(lambda: self.seen[count:] or None, lambda: f"{what}: {self.problem or self.status}", limit)[0]

    def state(self, state: str, limit: float = 60.0, since: float = 0.0) -> float:
        """Wait until the device is in this state by its own word; returns when it first said so after `since`."""
        return until(lambda: self._first(state, since), lambda: f"{state}: {self.status}", limit)

    def _first(self, state: str, since: float) -> float | None:
        if not self.told or self.told[-1].status.state != state:
            return None
        return next((told.at for told in self.told if told.status.state == state and told.at >= since), None)

    def _see(self, received: Received) -> None:
        self.seen.append(Seen(time.monotonic(), bytes(received.frame.jpeg), received.age(received.received)))

    def _change(self) -> None:
        if self.status and (not self.told or self.told[-1].status is not self.status):
            self.told.append(Told(time.monotonic(), self.status))
