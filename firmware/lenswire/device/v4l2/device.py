"""An open V4L2 node that captures."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import select
from fractions import Fraction
from typing import Any, NamedTuple

import videodev2 as v4l2

from lenswire.device.v4l2.kernel import Kernel, answers, text
from lenswire.device.v4l2.modes import Mode, fourcc, rate

CAPTURE, MMAP = v4l2.V4L2_BUF_TYPE_VIDEO_CAPTURE, v4l2.V4L2_MEMORY_MMAP
CAN_CAPTURE = v4l2.V4L2_CAP_VIDEO_CAPTURE | v4l2.V4L2_CAP_STREAMING
QBUF, DQBUF = v4l2.VIDIOC_QBUF, v4l2.VIDIOC_DQBUF
ERROR, CLOCK, MONOTONIC = (
    v4l2.V4L2_BUF_FLAG_ERROR,
    v4l2.V4L2_BUF_FLAG_TIMESTAMP_MASK,
    v4l2.V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC,
)


class Capability(NamedTuple):
    """What a node says of itself."""

    name: str
    bus: str
    captures: bool  # pictures, that is: a camera's second node gives metadata


class Format(NamedTuple):
    """What was set. stride: bytes from row to row; limited: luma is 16-235, and the driver says so."""

    fourcc: str
    width: int
    height: int
    stride: int
    limited: bool


class Filled(NamedTuple):
    """A buffer with a frame in it. captured: CLOCK_MONOTONIC ns, None if the driver has another clock."""

    number: int
    memory: mmap.mmap
    used: int
    sequence: int
    captured: int | None
    damaged: bool


class Device:
    """An open node. Frames go round: start(), then wait(), dequeue() until there is none, requeue()."""

    def __init__(self, kernel: Kernel, path: str) -> None:
        self._kernel = kernel
        self._fd = kernel.open(path)
        self._memory: list[mmap.mmap] = []
        self._buffers: list[Any] = []  # to requeue() with; to make one takes longer than to give it to the kernel
        self._next = self._buffer(0)  # to dequeue() with

    def close(self) -> None:
        """Also ends the capture. A second time is no error."""
        if self._fd < 0:
            return
        with contextlib.suppress(OSError):  # the camera may have gone
            self.ioctl(v4l2.VIDIOC_STREAMOFF, ctypes.c_int(CAPTURE))
        for memory in self._memory:
            with contextlib.suppress(BufferError):  # somebody looks at it still: it goes when they have done
                memory.close()
        self._memory.clear()
        self._kernel.close(self._fd)
        self._fd = -1

    def ioctl(self, request: int, argument: Any) -> None:
        """For `modes` and `controls`."""
        self._kernel.ioctl(self._fd, request, argument)

    # Setting up

    def capability(self) -> Capability:
        answer = v4l2.v4l2_capability()
        self.ioctl(v4l2.VIDIOC_QUERYCAP, answer)
        # device_caps is about this node, capabilities about all of the device's nodes together.
        of_node = answer.capabilities & v4l2.V4L2_CAP_DEVICE_CAPS
        can = answer.device_caps if of_node else answer.capabilities
        return Capability(text(answer.card), text(answer.bus_info), can & CAN_CAPTURE == CAN_CAPTURE)

    def set_mode(self, mode: Mode) -> tuple[Format, Fraction]:
        """Ask for it; what the driver made of it, which may differ, and its rate."""
        wish = v4l2.v4l2_format(type=CAPTURE)
        pix = wish.fmt.pix
        pix.width, pix.height, pix.field = mode.width, mode.height, v4l2.V4L2_FIELD_NONE
        pix.pixelformat = int.from_bytes(mode.fourcc.encode(), "little")
        self.ioctl(v4l2.VIDIOC_S_FMT, wish)
        limited = pix.quantization == v4l2.V4L2_QUANTIZATION_LIM_RANGE
        return Format(fourcc(pix.pixelformat), pix.width, pix.height, pix.bytesperline, limited), self._set_rate(mode)

    # Frames

    def start(self, count: int) -> int:
        """Begin, with so many buffers, or as many as the driver gives: returns how many."""
        request = v4l2.v4l2_requestbuffers(count=count, type=CAPTURE, memory=MMAP)
        self.ioctl(v4l2.VIDIOC_REQBUFS, request)
        for index in range(request.count):
            buffer = self._buffer(index)
            self._buffers.append(buffer)
            self.ioctl(v4l2.VIDIOC_QUERYBUF, buffer)
            self._memory.append(self._kernel.mmap(self._fd, buffer.length, buffer.m.offset))
            self.requeue(index)
        self.ioctl(v4l2.VIDIOC_STREAMON, ctypes.c_int(CAPTURE))
        return len(self._memory)

    def wait(self, timeout: float) -> bool:
        """Whether there is a frame within so many seconds. Raises OSError (ENODEV) when there never will be."""
        events = self._kernel.poll(self._fd, timeout)
        if events and not events & select.POLLIN:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        return bool(events)

    def dequeue(self) -> Filled | None:
        """The oldest frame that was not taken yet; None if there is none. It stays until it is given to requeue()."""
        buffer = self._next
        try:
            self._kernel.ioctl(self._fd, DQBUF, buffer)
        except BlockingIOError:
            return None
        index, flags, captured = buffer.index, buffer.flags, None
        if flags & CLOCK == MONOTONIC:
            stamp = buffer.timestamp
            captured = stamp.tv_sec * 1_000_000_000 + stamp.tv_usec * 1000
        return Filled(index, self._memory[index], buffer.bytesused, buffer.sequence, captured, bool(flags & ERROR))

    def requeue(self, index: int) -> None:
        self._kernel.ioctl(self._fd, QBUF, self._buffers[index])

    # Inside

    def _buffer(self, index: int) -> Any:
        return v4l2.v4l2_buffer(index=index, type=CAPTURE, memory=MMAP)

    def _set_rate(self, mode: Mode) -> Fraction:
        wish = v4l2.v4l2_streamparm(type=CAPTURE)
        interval = wish.parm.capture.timeperframe
        interval.numerator, interval.denominator = mode.fps.denominator, mode.fps.numerator
        known = answers(self.ioctl, v4l2.VIDIOC_S_PARM, wish)  # else the driver has but one rate for a size
        return (known and rate(interval)) or mode.fps
