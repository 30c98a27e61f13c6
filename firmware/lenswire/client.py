"""The Python API: pictures from a device, the newest always.

with lenswire.connect("porch", size=(640, 480), fps=15) as camera:
    for frame in camera:
        cv2.imshow("porch", frame.image())
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lenswire.errors import ConnectError, MissingDependency, NoPicture, Refused
from lenswire.link import AddressBook, Target, parse_target
from lenswire.messages import CloseCode, Result, Status, Verb, Watch
from lenswire.viewer.connection import Received, Statistics, Stream
from lenswire.viewer.reception import UNKNOWN

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# For the answer to a command, in seconds. A snapshot waits up to 5 s for its picture.
ANSWER_LIMIT = 10.0


def connect(
    target: str | Target,
    *,
    size: tuple[int, int] | None = None,
    fps: float = 0.0,
    quality: int = 0,
    timeout: float = 10.0,
    reconnect: bool = True,
) -> Camera:
    """Watch a device: its name in the address book, host[:port], a lenswire:// link, or legacy://host:port.

    size, fps and quality (1-100) are the most that is wanted; left out, the device's own. timeout: seconds without a
    picture before NoPicture is raised. reconnect: come back by itself when the connection is lost later on.
    Raises LinkError, ConnectError (Refused) or ProtocolError if the first connection fails.
    """
    if isinstance(target, str):
        target = parse_target(target, AddressBook())
    return Camera(target, Watch(*(size or (0, 0)), fps, quality), timeout=timeout, reconnect=reconnect)


@dataclass(frozen=True)
class Frame:
    """One picture, as it came."""

    _received: Received

    @property
    def jpeg(self) -> bytes:
        return bytes(self._received.frame.jpeg)

    def image(self) -> NDArray[np.uint8]:
        """The pixels as OpenCV has them: BGR, uint8, (height, width, 3). Raises ValueError on a damaged JPEG."""
        try:
            import simplejpeg
        except ImportError:
            raise MissingDependency("frame.image() needs simplejpeg: pip install 'lenswire[viewer]'") from None
        image: NDArray[np.uint8] = simplejpeg.decode_jpeg(self._received.frame.jpeg, "BGR")
        return image

    @property
    def width(self) -> int:
        return self._received.frame.width

    @property
    def height(self) -> int:
        return self._received.frame.height

    @property
    def sequence(self) -> int:
        """Counts the frames that were due; a gap is frames that did not reach us."""
        return self._received.frame.sequence

    @property
    def captured(self) -> float:
        """When the camera took it, in seconds of our time.monotonic()."""
        return self._received.captured / 1e9

    @property
    def clock_error(self) -> float:
        """`captured` is right to +- so many seconds; infinite if the device does not tell (legacy): then `captured` is
        when the picture came."""
        return math.inf if self._received.clock_error == UNKNOWN else self._received.clock_error / 1e9

    @property
    def age(self) -> float:
        """Seconds since it was captured, now."""
        return self._received.age(time.monotonic_ns())


class Camera:
    """A connected device. Iterating gives the newest picture, each at most once, and waits for the next."""

    def __init__(self, target: Target, watch: Watch | None, *, timeout: float = 10.0, reconnect: bool = True) -> None:
        """Connects. watch None: no pictures, only status and commands. Raises ConnectError or ProtocolError."""
        self.target = target
        self._timeout = timeout
        self._changed = threading.Condition()
        self._newest: Received | None = None
        self._results: dict[int, Result] = {}
        self._closed = False
        self._stream = Stream(target, watch, self._on_frame, reconnect=reconnect)
        self._stream.on_result = self._on_result
        self._stream.on_change = self._on_change
        self._stream.open()

    # Pictures

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        """The next picture. Raises NoPicture after `timeout`, ConnectError when there is no hope of one."""
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._stream.failure or self._closed, self._timeout)
            received, self._newest = self._newest, None
        if received:
            return Frame(received)
        if self._closed:
            raise StopIteration
        raise self._stream.failure or no_picture(self._stream, self._timeout)

    # The device

    @property
    def connected(self) -> bool:
        return self._stream.connected

    @property
    def device_name(self) -> str:
        return self._stream.device_name

    @property
    def status(self) -> Status | None:
        """The newest that the device told; None before the first."""
        return self._stream.status

    @property
    def statistics(self) -> Statistics:
        return self._stream.statistics

    def wait_for_status(self) -> Status:
        """The first status, if none has come yet. Raises ConnectError."""
        with self._changed:
            self._changed.wait_for(lambda: self.status or self._stream.failure, self._timeout)
        if self.status is None:
            raise self._stream.failure or ConnectError(f"{self.target.label} does not tell its status")
        return self.status

    # Commands: each returns what the device says to it. Raises Refused if it says no, ConnectError if nothing.

    def start(self) -> str:
        return self.command(Verb.START)

    def stop(self) -> str:
        return self.command(Verb.STOP)

    def toggle(self) -> str:
        return self.command(Verb.TOGGLE)

    def snapshot(self) -> str:
        """Have the device keep a full-size picture; returns where it is kept."""
        return self.command(Verb.SNAPSHOT)

    def command(self, verb: Verb) -> str:
        number = self._stream.command(verb)
        with self._changed:
            self._changed.wait_for(lambda: number in self._results, ANSWER_LIMIT)
            result = self._results.pop(number, None)
        if result is None:
            raise ConnectError(f"{self.target.label} did not answer within {ANSWER_LIMIT:g} s")
        if not result.ok:
            raise Refused(f"{self.target.label}: {result.text}", CloseCode.FORBIDDEN)
        return result.text

    # Life

    def close(self) -> None:
        """End the connection; a loop over the pictures ends. A second call is no error."""
        self._closed = True
        self._on_change()
        self._stream.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # From the stream's thread

    def _on_frame(self, received: Received) -> None:
        with self._changed:
            self._newest = received
            self._changed.notify_all()

    def _on_result(self, result: Result) -> None:
        with self._changed:
            self._results[result.number] = result
            self._changed.notify_all()

    def _on_change(self) -> None:
        with self._changed:
            self._changed.notify_all()


def no_picture(stream: Stream, seconds: float) -> NoPicture:
    """The error that says why no picture came for so long, as far as it is known."""
    label, status = stream.target.label, stream.status
    if not stream.connected:
        return NoPicture(f"no picture from {label} for {seconds:g} s: {stream.problem or 'not connected'}")
    if status is None or status.state in ("STREAMING", "READY"):
        return NoPicture(f"connected to {label}, but no picture came for {seconds:g} s")
    because = f" ({status.reason})" if status.reason else ""
    cure = f": press its button or run 'lenswire start {_typed(stream.target)}'" if status.state == "STOPPED" else ""
    return NoPicture(f"connected to {label}, but it is {status.state}{because}{cure}")


def _typed(target: Target) -> str:
    """What to type for it, short of writing out its key."""
    return target.label if target.name or not target.fingerprint else "LINK"
