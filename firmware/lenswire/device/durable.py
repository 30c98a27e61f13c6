"""Files that are there whole or not at all, also when the power goes while they are written."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

DRAFT = ".new"  # ends the name of what is being written, or was when the power went


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in the place of an old one, readable by nobody else, not even for a moment. Raises OSError.

    Renaming alone is not enough: a file system may put the new name on the disk before what is in the file.
    """
    draft = path.with_name(path.name + DRAFT)
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:  # a full disk
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """One process after another. The lock is the directory itself, so it has no owner, and goes with who holds it."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
