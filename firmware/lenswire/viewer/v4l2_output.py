"""A V4L2 device that takes pictures: v4l2loopback shows them as a webcam to other programs. Linux only."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from lenswire.errors import LenswireError, MissingDependency
from lenswire.viewer.decoder import Size

try:
    import videodev2 as v4l2
except ImportError:
    raise MissingDependency("--v4l2 needs videodev2: pip install 'lenswire[viewer]', on Linux") from None

Ioctl: TypeAlias = Callable[[int, int, Any], Any]  # file descriptor, request, and what the kernel reads and writes

MODULE = "sudo modprobe v4l2loopback exclusive_caps=1 card_label=lenswire"
OUTPUT = v4l2.V4L2_BUF_TYPE_VIDEO_OUTPUT
# FFmpeg's names, and bytes of a row for each pixel. The first is asked for: browsers take it without converting.
FORMATS = {v4l2.V4L2_PIX_FMT_YUV420: ("yuv420p", 1), v4l2.V4L2_PIX_FMT_YUYV: ("yuyv422", 2)}

_NOT_OURS = "no permission to write into it: sudo usermod -aG video $USER, and log in again"
_WORDS = {
    errno.ENOENT: f"there is no such device; v4l2loopback makes one: {MODULE}",
    errno.ENOTDIR: "there is no such device",
    errno.EACCES: _NOT_OURS,
    errno.EPERM: _NOT_OURS,
    errno.EBUSY: "another program is writing into it",
    errno.ENOTTY: f"it is no video device: expected one of v4l2loopback ({MODULE})",
}


class OutputDevice:
    """Open, and set to one size and format, which may not be those asked for."""

    def __init__(self, path: Path, size: Size, kernel: Ioctl = fcntl.ioctl) -> None:
        """Raises LenswireError."""
        self._path, self._kernel = path, kernel
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise self._failed(error) from None
        try:
            self._check()
            self.size, self.pixels = self._set(size)
        except BaseException:
            self.close()
            raise

    def write(self, picture: bytes) -> None:
        """A whole one. Raises LenswireError."""
        try:
            os.write(self._fd, picture)
        except OSError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """A second call is no error."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
        self._fd = -1

    # Inside

    def _check(self) -> None:
        """It takes pictures, one at a write()."""
        answer = v4l2.v4l2_capability()
        self._ioctl(v4l2.VIDIOC_QUERYCAP, answer)
        of_node = answer.capabilities & v4l2.V4L2_CAP_DEVICE_CAPS
        can = answer.device_caps if of_node else answer.capabilities
        wanted = v4l2.V4L2_CAP_VIDEO_OUTPUT | v4l2.V4L2_CAP_READWRITE
        if can & wanted != wanted:
            raise LenswireError(
                f"{self._path}: it gives pictures and takes none, or another program is writing into it; expected a "
                f"device of v4l2loopback ({MODULE})"
            )

    def _set(self, size: Size) -> tuple[Size, str]:
        wish = v4l2.v4l2_format(type=OUTPUT)
        pix = wish.fmt.pix
        pix.width, pix.height, pix.field = size[0] & ~1, size[1] & ~1, v4l2.V4L2_FIELD_NONE
        pix.pixelformat = next(iter(FORMATS))
        self._ioctl(v4l2.VIDIOC_S_FMT, wish)
        name, depth = FORMATS.get(pix.pixelformat, ("", 0))
        if not name or pix.bytesperline not in (0, pix.width * depth):
            given = int(pix.pixelformat).to_bytes(4, "little").decode("ascii", "replace")
            raise LenswireError(
                f"{self._path}: it takes {given!r} in rows of {pix.bytesperline} bytes: expected YU12 or YUYV, packed"
            )
        return (pix.width, pix.height), name

    def _ioctl(self, request: int, argument: Any) -> None:
        try:
            self._kernel(self._fd, request, argument)
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> LenswireError:
        words = _WORDS.get(error.errno or 0) or (error.strerror or str(error)).lower()
        return LenswireError(f"{self._path}: {words}")
