"""The board's encoder by ioctl, in the order in which picamera2 0.3.38 calls it (encoders/v4l2_encoder.py)."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import select

import numpy as np
import videodev2 as v4l2

RAW, CODED = v4l2.V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, v4l2.V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
MEMORY = {RAW: v4l2.V4L2_MEMORY_DMABUF, CODED: v4l2.V4L2_MEMORY_MMAP}
BUFFERS = 16


class Encoder:
    """Open and streaming, with all coded buffers queued."""

    def __init__(self, width: int, height: int, bitrate: int) -> None:
        self.device = open("/dev/video11", "rb+", buffering=0)  # noqa: SIM115 - close() closes it
        self.polled = select.poll()
        self.polled.register(self.device, select.POLLIN | select.POLLOUT)
        self.before = self.ready(0)
        control = v4l2.v4l2_control(v4l2.V4L2_CID_MPEG_VIDEO_BITRATE, bitrate)
        fcntl.ioctl(self.device, v4l2.VIDIOC_S_CTRL, control)
        self.bitrate = control.value
        self.raw = self._format(RAW, width, height, v4l2.V4L2_PIX_FMT_YUV420, width, 0)
        self.coded = self._format(CODED, width, height, v4l2.V4L2_PIX_FMT_MJPEG, 0, 512 << 10)
        self._request(RAW, BUFFERS)
        self._request(CODED, BUFFERS)
        self.maps = [self._map(index) for index in range(BUFFERS)]
        for kind in (RAW, CODED):
            fcntl.ioctl(self.device, v4l2.VIDIOC_STREAMON, v4l2.v4l2_buf_type(kind))

    def feed(self, index: int, frame: int, us: int) -> None:
        """Queue a dma-buf."""
        buffer = self._buffer(RAW, index)
        buffer.timestamp.tv_sec, buffer.timestamp.tv_usec = divmod(us, 1_000_000)
        buffer.m.planes[0].m.fd = frame
        buffer.m.planes[0].length = buffer.m.planes[0].bytesused = os.fstat(frame).st_size
        fcntl.ioctl(self.device, v4l2.VIDIOC_QBUF, buffer)

    def ready(self, ms: int) -> int:
        """poll()'s events."""
        return sum(event for _, event in self.polled.poll(ms))

    def taken(self) -> int:
        """The index of a raw buffer that was taken in."""
        buffer = self._buffer(RAW)
        fcntl.ioctl(self.device, v4l2.VIDIOC_DQBUF, buffer)
        return int(buffer.index)

    def made(self) -> tuple[bytes, int]:
        """A picture and its time, us. Waits for it."""
        buffer = self._buffer(CODED)
        fcntl.ioctl(self.device, v4l2.VIDIOC_DQBUF, buffer)
        jpeg = self.maps[buffer.index][: buffer.m.planes[0].bytesused]
        fcntl.ioctl(self.device, v4l2.VIDIOC_QBUF, self._buffer(CODED, buffer.index))
        return jpeg, buffer.timestamp.tv_sec * 1_000_000 + buffer.timestamp.tv_usec

    def code(self, frame: int, us: int = 0) -> bytes:
        """One picture through it."""
        self.feed(0, frame, us)
        jpeg, time = self.made()
        assert (self.taken(), time) == (0, us)
        return jpeg

    def close(self) -> None:
        for kind in (RAW, CODED):
            fcntl.ioctl(self.device, v4l2.VIDIOC_STREAMOFF, v4l2.v4l2_buf_type(kind))
        self._request(RAW, 0)
        for mapped in self.maps:
            mapped.close()
        self._request(CODED, 0)
        self.device.close()

    # Inside

    def _format(self, kind: int, width: int, height: int, pixels: int, stride: int, size: int) -> tuple[int, ...]:
        """What of (width, height, stride, size) the driver makes of it."""
        wish = v4l2.v4l2_format()
        wish.type = kind
        pix = wish.fmt.pix_mp
        pix.width, pix.height, pix.pixelformat, pix.num_planes = width, height, pixels, 1
        pix.plane_fmt[0].bytesperline, pix.plane_fmt[0].sizeimage = stride, size
        fcntl.ioctl(self.device, v4l2.VIDIOC_S_FMT, wish)
        return pix.width, pix.height, pix.plane_fmt[0].bytesperline, pix.plane_fmt[0].sizeimage

    def _request(self, kind: int, count: int) -> None:
        request = v4l2.v4l2_requestbuffers()
        request.count, request.type, request.memory = count, kind, MEMORY[kind]
        fcntl.ioctl(self.device, v4l2.VIDIOC_REQBUFS, request)
        assert request.count == count

    def _map(self, index: int) -> mmap.mmap:
        buffer = self._buffer(CODED, index)
        fcntl.ioctl(self.device, v4l2.VIDIOC_QUERYBUF, buffer)
        plane = buffer.m.planes[0]
        mapped = mmap.mmap(self.device.fileno(), plane.length, offset=plane.m.mem_offset)
        fcntl.ioctl(self.device, v4l2.VIDIOC_QBUF, buffer)
        return mapped

    def _buffer(self, kind: int, index: int = 0) -> v4l2.v4l2_buffer:
        buffer = v4l2.v4l2_buffer()
        planes = (v4l2.v4l2_plane * v4l2.VIDEO_MAX_PLANES)()
        buffer.type, buffer.memory, buffer.index, buffer.length = kind, MEMORY[kind], index, 1
        buffer.m.planes = ctypes.cast(planes, ctypes.POINTER(v4l2.v4l2_plane))
        buffer.kept = planes
        return buffer


def dma_buf(*planes: np.ndarray, stride: int) -> int:
    """A memfd with y, u and v, rows padded to the stride."""
    fd = os.memfd_create("picture")
    for number, plane in enumerate(planes):
        width = stride if number == 0 else stride // 2
        os.write(fd, np.pad(plane, ((0, 0), (0, width - plane.shape[1]))).tobytes())
    return fd


def smooth(width: int, height: int, moved: int = 0) -> tuple[np.ndarray, ...]:
    """A picture that JPEG keeps well, in colour."""
    rows, columns = np.mgrid[:height, :width] + moved
    y = 128 + 60 * np.sin(columns / 40) + 50 * np.cos(rows / 25)
    u, v = 128 + 80 * np.sin(rows[::2, ::2] / 60), 128 + 80 * np.cos(columns[::2, ::2] / 90)
    return tuple(plane.astype(np.uint8) for plane in (y, u, v))


def noise(width: int, height: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """A picture that no JPEG makes small."""
    draw = np.random.default_rng(seed)
    shapes = (height, width), (height // 2, width // 2), (height // 2, width // 2)
    return tuple(draw.integers(0, 256, shape, np.uint8) for shape in shapes)
