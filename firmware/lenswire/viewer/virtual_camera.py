"""The command `view --v4l2`: a camera as a webcam of this machine, for programs that know no other."""

from __future__ import annotations

import contextlib
import errno
import signal
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from lenswire.errors import LenswireError, MissingDependency, NoPicture
from lenswire.latest import Latest
from lenswire.link import Target
from lenswire.messages import Watch
from lenswire.viewer.connection import Received, Stream
from lenswire.viewer.decoder import Size, decoded_size
from lenswire.viewer.overlay import STALE

try:
    import av
    import av.filter
except ImportError:
    raise MissingDependency("--v4l2 needs PyAV: pip install 'lenswire[viewer]'") from None

TICK = Fraction(1, 30)  # seconds: nobody reads the times of what is written
FIRST_PICTURE = 10.0  # seconds: perhaps nobody is there to see that nothing comes
MODULE = "sudo modprobe v4l2loopback exclusive_caps=1 card_label=lenswire"
PIXELS = "yuv420p"  # V4L2 calls it YU12: what browsers take without converting, and half the bytes of RGB
HALF_GREY = "y=16+(val-16)/2:u=128:v=128"  # as the window shows a picture that is not live, without its frame


class Source(Protocol):
    """What is asked of a Stream here."""

    problem: str
    failure: Exception | None


def run(target: Target, device: Path, size: Size | None = None, fps: float = 0.0) -> int:
    """Write the newest pictures into a V4L2 output device until Ctrl-C or SIGTERM. Raises LenswireError."""
    if not device.is_char_device():
        raise LenswireError(f"{device}: {'not a device' if device.exists() else _WORDS[errno.ENOENT]}")
    latest: Latest[Received] = Latest()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), Stream(target, Watch(*(size or (0, 0)), fps), latest.put) as stream:
        first = latest.take(FIRST_PICTURE)
        if first is None:
            raise NoPicture(stream.problem or f"connected, but no picture came within {FIRST_PICTURE:.0f} s")
        webcam = Webcam(device, size or (first.frame.width, first.frame.height))
        sys.stderr.write(f"{target.label} is at {device}, {webcam.size[0]}x{webcam.size[1]}; Ctrl-C ends it\n")
        with contextlib.closing(webcam):
            show(stream, webcam, latest, first)
    return 0


def show(stream: Source, webcam: Webcam, latest: Latest[Received], received: Received, stale: float = STALE) -> None:
    """Each picture as it comes; while none does, the last one as what it is. Raises what ended the stream."""
    told = ""
    while not stream.failure:
        webcam.show(received.frame.jpeg, stale=received.age(time.monotonic_ns()) > stale)
        received = latest.take(stale) or received
        if stream.problem != told:
            told = stream.problem
            sys.stderr.write(f"{told} (trying again)\n" if told else "connected again\n")
    raise stream.failure


class Webcam:
    """A V4L2 output device that takes pictures of one size. Others are fitted into it, their shape kept."""

    def __init__(self, device: Path, size: Size, form: str = "v4l2") -> None:
        """Raises LenswireError if it takes none. form: FFmpeg's name for how they are written."""
        self.size = size[0] & ~1, size[1] & ~1
        self._device, self._count = device, 0
        self._decoder: Any = av.CodecContext.create("mjpeg", "r")
        self._decoder.thread_count = 1  # more would keep pictures back
        self._decoder.options = {"err_detect": "explode"}  # half a picture is none
        self._graphs: dict[tuple[Any, ...], Any] = {}
        try:
            self._output: Any = av.open(str(device), "w", format=form)
            self._stream = self._output.add_stream("rawvideo", rate=30, pix_fmt=PIXELS)
            self._stream.width, self._stream.height = self.size
            self._output.start_encoding()
        except av.FFmpegError as error:
            raise self._failed(error) from None

    def show(self, jpeg: bytes | memoryview, stale: bool = False) -> bool:
        """False if it is damaged: the one before stays. Raises LenswireError if the device takes it no more."""
        picture = self._decoded(jpeg)
        if picture is None:
            return False
        graph = self._graph(picture, stale)
        graph.push(picture)
        fitted = graph.pull()
        self._count += 1
        fitted.pts, fitted.time_base = self._count, TICK
        try:
            for packet in self._stream.encode(fitted):
                self._output.mux(packet)
        except av.FFmpegError as error:
            raise self._failed(error) from None
        return True

    def close(self) -> None:
        with contextlib.suppress(av.FFmpegError):
            self._output.close()

    # Inside

    def _decoded(self, jpeg: bytes | memoryview) -> Any:
        if decoded_size(jpeg, self.size) is None:  # a size that nobody has memory for
            return None
        try:
            return next(iter(self._decoder.decode(av.Packet(jpeg))), None)
        except av.FFmpegError:
            return None

    def _graph(self, picture: Any, stale: bool) -> Any:
        """From pictures like this one to the device's; made once."""
        like = picture.width, picture.height, picture.format.name, stale
        if like not in self._graphs:
            if len(self._graphs) > 8:
                self._graphs.clear()
            width, height = self.size
            graph = self._graphs[like] = av.filter.Graph()
            scale = f"{width}:{height}:force_original_aspect_ratio=decrease:force_divisible_by=2:out_range=tv"
            steps = [graph.add_buffer(width=like[0], height=like[1], format=picture.format, time_base=TICK)]
            steps += [graph.add("scale", scale), graph.add("format", PIXELS)]
            steps += [graph.add("lutyuv", HALF_GREY)] if stale else []
            steps += [graph.add("pad", f"{width}:{height}:-1:-1"), graph.add("buffersink")]
            graph.link_nodes(*steps).configure()
        return self._graphs[like]

    def _failed(self, error: Any) -> LenswireError:
        return LenswireError(f"{self._device}: {_WORDS.get(error.errno) or (error.strerror or str(error)).lower()}")


_NO_OUTPUT = f"it takes no pictures: expected a device of v4l2loopback ({MODULE})"
_WORDS = {
    errno.ENOENT: f"there is no such device; v4l2loopback makes one: {MODULE}",
    errno.EACCES: "no permission to write into it: sudo usermod -aG video $USER, and log in again",
    errno.EPERM: "no permission to write into it: sudo usermod -aG video $USER, and log in again",
    errno.EBUSY: "another program is writing into it",
    errno.ENODEV: "the device is gone",
    errno.EINVAL: _NO_OUTPUT,
    errno.ENOTTY: _NO_OUTPUT,
    errno.EBADF: _NO_OUTPUT,
}
