"""The command `snapshot`: one full-size picture, taken after it was asked for."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from lenswire.client import Camera, Frame
from lenswire.errors import LenswireError, NoPicture
from lenswire.link import Target
from lenswire.messages import Watch

LIMIT = 5.0  # seconds for the picture to come


def run(target: Target, path: str) -> int:
    """Save a picture, "-" being standard output. Raises LenswireError."""
    asked = time.monotonic()
    with Camera(target, Watch(), timeout=LIMIT) as camera:
        # A server of the article does not say when a picture was taken: its first is the best there is.
        frame = next(camera) if target.legacy else newer(camera, asked)
    if path == "-":
        sys.stdout.buffer.write(frame.jpeg)
        sys.stdout.buffer.flush()
    else:
        save(Path(path), frame.jpeg)
        print(f"{path}: {frame.width}x{frame.height}, {len(frame.jpeg) / 1000:.0f} kB")
    return 0


def newer(frames: Iterable[Frame], asked: float, clock: Callable[[], float] = time.monotonic) -> Frame:
    """The first frame that was certainly captured after `asked` (s). Raises NoPicture."""
    for frame in frames:
        if frame.captured - frame.clock_error >= asked:
            return frame
        if clock() > asked + LIMIT:
            break
    raise NoPicture(f"pictures come, but within {LIMIT:g} s none that was certainly taken after it was asked for")


def save(path: Path, jpeg: bytes) -> None:
    """All or nothing: whoever looks at the path sees the old picture or the new one. Raises LenswireError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            draft.write_bytes(jpeg)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise LenswireError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None
