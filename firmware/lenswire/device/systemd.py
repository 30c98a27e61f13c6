"""What systemd is told, if it started us: ready, stopping, and that the device makes progress."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable

from lenswire.device.pipeline import Pipeline


class Progress:
    """Whether the device moves: by what it has done since it was last asked, never by the mere passing of time.

    The capture thread must have turned, unless it rests on purpose; and if somebody waited for a frame when last asked,
    one must have been made since. A camera that gives no frames is not our end: the pipeline notices, says FAULT, and
    tries again; restarting the service for it would be a storm.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._beats, self._frames, self._due = -1, -1, False

    def made(self) -> bool:
        pipeline = self._pipeline
        beats, frames = pipeline.beats, pipeline.made
        turned = pipeline.resting or beats != self._beats
        served = frames != self._frames or not self._due
        self._beats, self._frames, self._due = beats, frames, pipeline.due
        return turned and served


async def feed_watchdog(progress: Callable[[], bool]) -> None:
    """Tell systemd's watchdog that all is well for as long as there is progress. Runs until it is cancelled."""
    microseconds = int(os.environ.get("WATCHDOG_USEC", "0"))
    while microseconds:
        if progress():
            notify("WATCHDOG=1")
        await asyncio.sleep(microseconds / 1e6 / 4)


def notify(message: str) -> None:
    """The sd_notify protocol."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.send(message.encode())
