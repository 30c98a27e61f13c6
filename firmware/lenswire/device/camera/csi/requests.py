"""libcamera's completed requests: the newest, and the one that is being looked at.

They are completed in a thread of picamera2's. One waits here and the one before it is given back, so that at most one
frame waits and the camera always has buffers to work with.
"""

from __future__ import annotations

import threading
import time
from typing import Any, NamedTuple

from lenswire.errors import CameraError


class Shot(NamedTuple):
    """A completed request and when its frame was captured, ns on CLOCK_MONOTONIC."""

    request: Any
    captured: int


class Newest:
    """Two places for requests."""

    def __init__(self) -> None:
        self._came = threading.Condition()
        self._waiting: Shot | None = None
        self._looked_at: Shot | None = None
        self._passed = 0  # requests given back unseen since the last take()

    def completed(self, request: Any) -> None:
        """picamera2's callback for each request."""
        request.acquire()
        shot = Shot(request, monotonic(request.get_metadata().get("SensorTimestamp", 0)))
        with self._came:
            before, self._waiting = self._waiting, shot
            self._passed += before is not None
            self._came.notify()
        _give_back(before)

    def take(self, timeout: float) -> tuple[Shot, int] | None:
        """Wait for the newest, and hold it until the next call: with how many were passed over since the last one."""
        with self._came:
            if not self._came.wait_for(lambda: self._waiting is not None, timeout) or self._waiting is None:
                return None
            before, self._looked_at, self._waiting = self._looked_at, self._waiting, None
            passed, self._passed = self._passed, 0
            shot = self._looked_at
        _give_back(before)
        return shot, passed

    def seen(self) -> None:
        """What passed here so far was not lost: it came another way."""
        with self._came:
            self._passed = 0

    @property
    def request(self) -> Any:
        """The one being looked at. Raises CameraError if there is none."""
        if self._looked_at is None:
            raise CameraError("no frame was grabbed")
        return self._looked_at.request

    def close(self) -> None:
        """Give everything back."""
        with self._came:
            shots = self._waiting, self._looked_at
            self._waiting = self._looked_at = None
        for shot in shots:
            _give_back(shot)


def monotonic(sensor: int) -> int:
    """A sensor's time on CLOCK_MONOTONIC, ns. Some drivers stamp with CLOCK_BOOTTIME, which also counts suspended time;
    a time that has not come yet, or none at all, is now."""
    now = time.monotonic_ns()
    if sensor > now:
        sensor -= time.clock_gettime_ns(time.CLOCK_BOOTTIME) - now
    return sensor if 0 < sensor <= now else now


def _give_back(shot: Shot | None) -> None:
    if shot:
        shot.request.release()
