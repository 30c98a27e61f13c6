"""What capture asks of the operating system, and how lists are read from it."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Ioctl = Callable[[int, Any], None]  # request, and the ctypes object that the kernel reads and writes

END_OF_LIST = errno.EINVAL, errno.ENOTTY  # ENOTTY: the driver keeps no such list
LONGEST_LIST = 512  # no camera has as many; a broken driver must not keep us for ever


class Kernel:
    """What is asked of the operating system: a test puts another in its place."""

    def __init__(self) -> None:
        self._polls: dict[int, select.poll] = {}

    def open(self, path: str) -> int:
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def close(self, fd: int) -> None:
        self._polls.pop(fd, None)
        os.close(fd)

    # fd, request, and a ctypes object, which the kernel writes its answer into.
    ioctl = staticmethod(fcntl.ioctl)

    def mmap(self, fd: int, length: int, offset: int) -> mmap.mmap:
        return mmap.mmap(fd, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset)

    def poll(self, fd: int, timeout: float) -> int:
        """select.POLL* events; 0 after so many seconds without one."""
        poll = self._polls.get(fd)
        if poll is None:
            poll = self._polls[fd] = select.poll()
            poll.register(fd, select.POLLIN)
        ready = poll.poll(timeout * 1000)
        return ready[0][1] if ready else 0

    def nodes(self) -> list[str]:
        """/dev/video*, in the order of their numbers."""
        return sorted(map(str, Path("/dev").glob("video*")), key=lambda path: (len(path), path))

    def links(self, folder: str) -> dict[str, str]:
        """Node -> name in /dev/v4l/by-id or by-path, as udev has linked them."""
        try:
            return {str(link.resolve()): link.name for link in Path(folder).iterdir()}
        except FileNotFoundError:
            return {}


def entries(ioctl: Ioctl, request: int, kind: Any, **fixed: int) -> Iterator[Any]:
    """Ask for entry 0, 1, 2 ... until there are no more."""
    for index in range(LONGEST_LIST):
        entry = kind(index=index, **fixed)
        if not answers(ioctl, request, entry):
            return
        yield entry


def answers(ioctl: Ioctl, request: int, argument: Any) -> bool:
    """False if there is no such thing to ask for. Raises OSError when it fails for another reason."""
    try:
        ioctl(request, argument)
    except OSError as error:
        if error.errno in END_OF_LIST:
            return False
        raise
    return True


def text(raw: Any) -> str:
    """A name out of a struct."""
    return bytes(raw).split(b"\0")[0].decode("utf-8", "replace")
