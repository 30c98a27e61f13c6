"""The command `view --v4l2`: a camera as a webcam of this machine, for programs that know no other."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from lenswire.errors import MissingDependency, NoPicture
from lenswire.latest import Latest
from lenswire.link import Target
from lenswire.messages import Watch
from lenswire.viewer.connection import Received, Stream
from lenswire.viewer.decoder import Size, decoded_size
from lenswire.viewer.overlay import STALE
from lenswire.viewer.v4l2_output import OutputDevice

try:
    import av
    import av.filter
except ImportError:
    raise MissingDependency("--v4l2 needs PyAV: pip install 'lenswire[viewer]'") from None

TICK = Fraction(1, 30)  # seconds: FFmpeg wants a unit, and nobody reads the times
FIRST_PICTURE = 10.0  # seconds: perhaps nobody is there to see that nothing comes
HALF_GREY = "y=16+(val-16)/2:u=128:v=128"  # as the window shows a picture that is not live, without its frame


class Source(Protocol):
    """What is asked of a Stream here."""

    problem: str
    failure: Exception | None


def run(target: Target, device: Path, size: Size | None = None, fps: float = 0.0) -> int:
    """Write the newest pictures into a V4L2 output device until Ctrl-C or SIGTERM. Raises LenswireError."""
    latest: Latest[Received] = Latest()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), Stream(target, Watch(*(size or (0, 0)), fps), latest.put) as stream:
        first = latest.take(FIRST_PICTURE)
        if first is None:
            raise NoPicture(stream.problem or f"connected, but no picture came within {FIRST_PICTURE:.0f} s")
        with contextlib.closing(OutputDevice(device, size or (first.frame.width, first.frame.height))) as output:
            ready = f"{target.label} is at {device}, {output.size[0]}x{output.size[1]}; Ctrl-C ends it"
            show(stream, Webcam(output), latest, first, ready)
    return 0


def show(
    stream: Source, webcam: Webcam, latest: Latest[Received], received: Received, ready: str, stale: float = STALE
) -> None:
    """Each picture as it comes; while none does, the last one as what it is. Says that it is `ready` when the first one
    is written: before, v4l2loopback's device is no camera to others. Raises what ended the stream."""
    told = ""
    while not stream.failure:
        if webcam.show(received.frame.jpeg, stale=received.age(time.monotonic_ns()) > stale) and ready:
            sys.stderr.write(f"{ready}\n")
            ready = ""
        received = latest.take(stale) or received
        if stream.problem != told:
            told = stream.problem
            sys.stderr.write(f"{told} (trying again)\n" if told else "connected again\n")
    raise stream.failure


class Output(Protocol):
    """What takes the pictures."""

    size: Size
    pixels: str  # FFmpeg's name of the format

    def write(self, picture: bytes) -> None: ...


class Webcam:
    """Fits pictures of any size into those of an output, their shape kept."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._decoder: Any = av.CodecContext.create("mjpeg", "r")
        self._decoder.thread_count = 1  # more would keep pictures back
        self._decoder.options = {"err_detect": "explode"}  # half a picture is none
        self._graphs: dict[tuple[Any, ...], Any] = {}

    def show(self, jpeg: bytes | memoryview, stale: bool = False) -> bool:
        """False if it is damaged: the one before stays. Raises LenswireError if it is taken no more."""
        picture = self._decoded(jpeg)
        if picture is None:
            return False
        graph = self._graph(picture, stale)
        graph.push(picture)
        self._output.write(graph.pull().to_ndarray().tobytes())
        return True

    # Inside

    def _decoded(self, jpeg: bytes | memoryview) -> Any:
        if decoded_size(jpeg, self._output.size) is None:  # a size that nobody has memory for
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
            width, height = self._output.size
            graph = self._graphs[like] = av.filter.Graph()
            scale = f"{width}:{height}:force_original_aspect_ratio=decrease:force_divisible_by=2:out_range=tv"
            steps = [graph.add_buffer(width=like[0], height=like[1], format=picture.format, time_base=TICK)]
            steps += [graph.add("scale", scale), *([graph.add("lutyuv", HALF_GREY)] if stale else [])]
            steps += [graph.add("pad", f"{width}:{height}:-1:-1"), graph.add("format", self._output.pixels)]
            graph.link_nodes(*steps, graph.add("buffersink")).configure()
        return self._graphs[like]
