"""A stream that keeps what it was given, for tests to look at."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from lenswire.errors import ConnectError, ProtocolError
from lenswire.link import Target
from lenswire.messages import Result, Watch
from lenswire.viewer.connection import Limits, Received, Stream
from scripted_device import ScriptedDevice

QUICK = Limits(connect=2.0, silence=0.5, retries=(0.02, 0.05))


class Watching(Stream):
    """A stream that keeps what it was given."""

    def __init__(self, target: Target, watch: Watch | None = Watch(), **options: Any) -> None:  # noqa: B008
        self.frames: list[Received] = []
        self.results: list[Result] = []
        super().__init__(target, watch, self.frames.append, **{"limits": QUICK, **options})
        self.on_result = self.results.append


@contextlib.contextmanager
def watching(target: Target, watch: Watch | None = Watch(), **options: Any) -> Iterator[Watching]:  # noqa: B008
    stream = Watching(target, watch, **options)
    stream.start()
    try:
        yield stream
    finally:
        stream.stop()


def heard(device: ScriptedDevice, kind: type) -> list[Any]:
    return [message for message in device.heard if isinstance(message, kind)]


def first_failure(target: Target, **options: Any) -> Exception:
    stream = Watching(target, **options)
    with pytest.raises((ConnectError, ProtocolError)) as raised:
        stream.open()
    assert "\n" not in str(raised.value)
    return raised.value
