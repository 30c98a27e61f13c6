"""The command `record`: a stream into a file, without a window."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from lenswire.errors import LenswireError, NoPicture
from lenswire.link import Target
from lenswire.messages import Watch
from lenswire.viewer.connection import Stream
from lenswire.viewer.recorder import Recorder

FIRST_PICTURE = 10.0  # seconds: perhaps nobody is there to see that nothing comes
GLANCE = 0.2  # seconds between looks at how it goes
CLEAR = "\r\x1b[K"  # a terminal's line


class Source(Protocol):
    """What is asked of a Stream here."""

    problem: str
    failure: Exception | None


def run(
    target: Target,
    path: Path,
    seconds: float | None = None,
    size: tuple[int, int] | None = None,
    fps: float = 0.0,
    split: float = 0.0,
) -> int:
    """Record until `seconds` after the first picture, or until Ctrl-C or SIGTERM. Raises LenswireError."""
    recorder = Recorder(path, target.label, split)
    stream = Stream(target, Watch(*(size or (0, 0)), fps), recorder.offer)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    recorder.start()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            stream.open()
            wait(stream, recorder, seconds, tell if sys.stderr.isatty() else lambda text: None)
    finally:
        stream.stop()
        recorder.stop()
        sys.stderr.write(f"{CLEAR if sys.stderr.isatty() else ''}{recorder.summary()}\n")
    if recorder.problem:
        raise LenswireError(recorder.problem)
    return 0 if recorder.files else 1


def wait(
    stream: Source,
    recorder: Recorder,
    seconds: float | None,
    tell: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Until enough is recorded. Raises what ended the stream, or NoPicture if none came to begin with."""
    end = clock() + FIRST_PICTURE
    while not recorder.files and not recorder.problem:
        if clock() > end:
            raise NoPicture(stream.problem or f"connected, but no picture came within {FIRST_PICTURE:.0f} s")
        _glance(stream, sleep)
    end = clock() + (seconds or math.inf)
    while clock() < end and not recorder.problem:
        tell(progress(stream, recorder))
        _glance(stream, sleep)


def progress(stream: Source, recorder: Recorder) -> str:
    """How it goes, in one line."""
    trouble = f"; {stream.problem} (trying again)" if stream.problem else ""
    return f"{recorder.frames} pictures, {recorder.seconds:.1f} s, {recorder.bytes / 1e6:.1f} MB{trouble}"


def tell(text: str) -> None:
    """Show a line of progress in place of the one before."""
    sys.stderr.write(f"{CLEAR}{text}")
    sys.stderr.flush()


def _glance(stream: Source, sleep: Callable[[float], None]) -> None:
    if stream.failure:
        raise stream.failure
    sleep(GLANCE)
