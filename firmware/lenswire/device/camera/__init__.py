"""Cameras: the small protocol that every source of frames follows, and how one is opened.

pattern          a moving test card that carries its own capture time
file:PATH        a video, or a folder of JPEGs
csi[:NUMBER]     a camera on a Pi's CSI port, through libcamera
usb[:DEVICE]     a V4L2 camera
auto             a USB camera, else a CSI camera, else the clip
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CameraWish:
    """What the config asks a camera for; a camera gives the nearest that it has. 0: the camera's choice."""

    width: int = 0
    height: int = 0
    fps: float = 0.0
    rotation: int = 0  # 0 or 180 degrees, where the camera can turn its picture
    quality: int = 80  # of JPEG, where the board's hardware makes it for the camera


class Grab(NamedTuple):
    """A frame that has been captured, not yet looked at. captured: CLOCK_MONOTONIC, ns. lost: frames that the camera
    made since the last grab and that never reached us, or that were damaged."""

    captured: int
    lost: int = 0


class Picture(NamedTuple):
    """One frame's pixels, valid until the camera's next grab(): a JPEG that the camera made, or planes of uint8.

    planes, one of: (y,) grey; (y, u, v) as JPEG has them (full range, BT.601), u and v with half the columns and half
    or all of the rows; (bgr,) of shape (height, width, 3).
    """

    width: int
    height: int
    jpeg: bytes | memoryview | None = None
    planes: tuple[NDArray[np.uint8], ...] = ()

    def kept(self) -> Picture:
        """The same picture, to be kept beyond the next grab()."""
        jpeg = None if self.jpeg is None else bytes(self.jpeg)
        return Picture(self.width, self.height, jpeg, tuple(plane.copy() for plane in self.planes))


class Camera(Protocol):
    """An open camera. All of it is called from one thread. Frames that nobody looks at cost next to nothing."""

    description: str  # for people: "pattern", "HD Pro Webcam C920 (/dev/video0)"
    width: int
    height: int
    fps: float  # as set up; what it really gives is measured by the pipeline
    compressed: bool  # its pictures are JPEGs

    def grab(self, timeout: float) -> Grab | None:
        """Wait for the newest frame, at most `timeout` seconds (None: there was none). Raises CameraError when lost."""
        ...

    def picture(self) -> Picture:
        """The frame last grabbed. Raises CameraError when it cannot be read."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class Accelerated(Protocol):
    """A camera whose JPEGs the board's hardware makes, if it can."""

    refusal: str  # why it cannot; empty if it can
