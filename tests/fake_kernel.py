"""A kernel with V4L2 cameras in it, at the level of open, ioctl, mmap and poll: the one fake below `device.v4l2`.

A camera plays a film: what its sensor does at each frame period, in order. Time passes only in poll() and pass_time().
"""

from __future__ import annotations

import errno
import mmap
import select
from typing import Any

from fake_camera import PAGE, FakeCamera, Unplugged, error


class FakeKernel:
    """Stands in for `v4l2.kernel.Kernel`; is its own clock too."""

    def __init__(self) -> None:
        self.now = 1_000_000_000_000
        self.plugged: dict[str, FakeCamera] = {}
        self.opened: dict[int, FakeCamera] = {}
        self.calls: list[int] = []
        self._next_fd = 100

    # For the tests

    def plug(self, path: str, camera: FakeCamera) -> FakeCamera:
        self.plugged[path] = camera
        return camera

    def unplug(self, camera: FakeCamera) -> None:
        self.plugged = {path: each for path, each in self.plugged.items() if each is not camera}

    def pass_time(self, seconds: float) -> None:
        """Cameras go on meanwhile."""
        self._advance(self.now + round(seconds * 1e9), stop_at_frame=None)

    def clock(self) -> int:
        return self.now

    # What `Kernel` has

    def nodes(self) -> list[str]:
        return sorted(self.plugged)

    def links(self, folder: str) -> dict[str, str]:
        names = {
            path: getattr(camera, folder.rsplit("/", 1)[1].replace("-", "_")) for path, camera in self.plugged.items()
        }
        return {path: name for path, name in names.items() if name}

    def open(self, path: str) -> int:
        camera = self.plugged.get(path)
        if camera is None:
            raise error(errno.ENOENT)
        if camera.opening:
            raise error(camera.opening)
        self._next_fd += 1
        self.opened[self._next_fd] = camera
        return self._next_fd

    def close(self, fd: int) -> None:
        camera = self.opened.pop(fd)
        if camera not in self.opened.values():
            camera.reset()

    def mmap(self, fd: int, length: int, offset: int) -> mmap.mmap:
        return self.opened[fd].buffers[offset // PAGE]

    def poll(self, fd: int, timeout: float) -> int:
        camera = self.opened[fd]
        if not camera.filled and self._is_plugged(camera):
            self._advance(self.now + round(timeout * 1e9), stop_at_frame=camera)
        if camera.filled:
            return select.POLLIN
        return 0 if self._is_plugged(camera) else select.POLLERR | select.POLLHUP

    def ioctl(self, fd: int, request: int, argument: Any) -> None:
        self.calls.append(request)
        camera = self.opened[fd]
        if not self._is_plugged(camera):
            raise error(errno.ENODEV)
        camera.ioctl(request, argument, self.now)

    # Inside

    def _is_plugged(self, camera: FakeCamera) -> bool:
        return any(each is camera for each in self.plugged.values())

    def _advance(self, until: int, stop_at_frame: FakeCamera | None) -> None:
        while due := [c for c in self.opened.values() if c.streaming and c.next_frame <= until and self._is_plugged(c)]:
            camera = min(due, key=lambda each: each.next_frame)
            self.now = max(self.now, camera.next_frame)
            if isinstance(camera.expose(), Unplugged):
                self.unplug(camera)
            if camera is stop_at_frame and (camera.filled or not self._is_plugged(camera)):
                return
        self.now = max(self.now, until)
