"""The Pi's own camera, through picamera2: the only file that imports it.

libcamera completes requests in a thread of picamera2's. Each goes to `Newest`, which holds one and gives the one before
back: at most one frame waits, and the camera always has buffers to work with. picamera2 raises nothing when a camera
vanishes, frames just stop; the pipeline watches for progress, and closes and opens it again.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from lenswire.device.camera import CameraWish, Grab, Picture
from lenswire.errors import CameraError, MissingDependency

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

WIDTH, HEIGHT, FPS = 1280, 720, 30.0
# One that is looked at, one that waits, four for the sensor and the ISP: picamera2's own number for video.
BUFFERS = 6
AUTOFOCUS = {"manual": 0, "auto": 1, "continuous": 2}  # libcamera's AfModeEnum


class Shot(NamedTuple):
    """A completed request and when its frame was captured, ns on CLOCK_MONOTONIC."""

    request: Any
    captured: int


class Newest:
    """Two places for requests: the newest, and the one that is being looked at."""

    def __init__(self) -> None:
        self._came = threading.Condition()
        self._waiting: Shot | None = None
        self._looked_at: Shot | None = None
        self._passed = 0  # requests given back unseen since the last take()

    def completed(self, request: Any) -> None:
        """picamera2's callback for each request."""
        request.acquire()
        shot = Shot(request, monotonic(request.get_metadata().get("SensorTimestamp", 0)))
        with self._came:
            before, self._waiting = self._waiting, shot
            self._passed += before is not None
            self._came.notify()
        _give_back(before)

    def take(self, timeout: float) -> tuple[Shot, int] | None:
        """Wait for the newest, and hold it until the next call: with how many were passed over since the last one."""
        with self._came:
            if not self._came.wait_for(lambda: self._waiting is not None, timeout) or self._waiting is None:
                return None
            before, self._looked_at, self._waiting = self._looked_at, self._waiting, None
            passed, self._passed = self._passed, 0
            shot = self._looked_at
        _give_back(before)
        return shot, passed

    @property
    def request(self) -> Any:
        """The one being looked at. Raises CameraError if there is none."""
        if self._looked_at is None:
            raise CameraError("no frame was grabbed")
        return self._looked_at.request

    def close(self) -> None:
        """Give everything back."""
        with self._came:
            shots = self._waiting, self._looked_at
            self._waiting = self._looked_at = None
        for shot in shots:
            _give_back(shot)


class Csi:
    """Camera number `number` of libcamera, as YUV 4:2:0 with the full range and BT.601 that JPEG has."""

    compressed = False

    def __init__(self, wish: CameraWish, number: int = 0) -> None:
        self.description = f"CSI camera {number}"
        self._newest = Newest()
        self._camera = _open(number)
        try:
            self.description = f"{self._camera.camera_properties.get('Model', 'camera')} (libcamera {number})"
            self._configure(wish)
            self._camera.post_callback = self._newest.completed
            self._camera.start()
        except (RuntimeError, ValueError, OSError) as error:
            self.close()
            raise CameraError(f"{self.description}: {error}") from error

    def grab(self, timeout: float) -> Grab | None:
        taken = self._newest.take(timeout)
        if taken is None:
            return None
        shot, passed = taken
        return Grab(shot.captured, passed)

    def picture(self) -> Picture:
        return Picture(self.width, self.height, planes=self._planes(self._newest.request))

    def close(self) -> None:
        # A camera that was pulled out makes any of these fail; the others must be done all the same.
        for step in (self._camera.stop, self._newest.close, self._camera.close):
            try:
                step()
            except (RuntimeError, OSError, AttributeError, KeyError) as error:
                log.debug("= closing %s: %s", self.description, error)

    # Inside

    def _configure(self, wish: CameraWish) -> None:
        import libcamera

        camera = self._camera
        config = camera.create_video_configuration(
            main={"format": "YUV420", "size": (wish.width or WIDTH, wish.height or HEIGHT)},
            colour_space=libcamera.ColorSpace.Sycc(),
            buffer_count=BUFFERS,
            queue=False,  # the newest is ours to keep; picamera2 need not hold another
            controls=self._rate(wish.fps or FPS),
        )
        camera.align_configuration(config, optimal=False)
        camera.configure(config)
        main = camera.camera_configuration()["main"]
        if main["format"] != "YUV420":
            raise CameraError(f"{self.description}: it gives {main['format']}, and YUV420 was asked for")
        self.width, self.height = main["size"]
        self._stride = main["stride"]
        log.info("= %s: %dx%d YUV420, stride %d", self.description, self.width, self.height, self._stride)

    def _rate(self, fps: float) -> dict[str, Any]:
        """libcamera's UVC cameras have no say in their rate before 0.5."""
        self.fps = fps
        if "FrameDurationLimits" not in self._camera.camera_controls:
            return {}
        period = round(1e6 / fps)
        return {"FrameDurationLimits": (period, period)}

    def _planes(self, request: Any) -> tuple[NDArray[np.uint8], ...]:
        """Views into the camera's buffer: y, then u and v with half the stride."""
        from picamera2 import MappedArray

        with MappedArray(request, "main", reshape=False, write=False) as mapped:
            flat = mapped.array
        rows, half = self.height, self._stride // 2
        y_size, c_size = rows * self._stride, (rows // 2) * half
        y = flat[:y_size].reshape(rows, self._stride)[:, : self.width]
        u, v = (
            flat[y_size + n * c_size : y_size + (n + 1) * c_size].reshape(rows // 2, half)[:, : self.width // 2]
            for n in (0, 1)
        )
        return y, u, v


def monotonic(sensor: int) -> int:
    """A sensor's time on CLOCK_MONOTONIC, ns. Some drivers stamp with CLOCK_BOOTTIME, which also counts suspended time;
    a time that has not come yet, or none at all, is now."""
    now = time.monotonic_ns()
    if sensor > now:
        sensor -= time.clock_gettime_ns(time.CLOCK_BOOTTIME) - now
    return sensor if 0 < sensor <= now else now


def _open(number: int) -> Any:
    try:
        from picamera2 import Picamera2
    except ImportError as error:
        raise MissingDependency(
            f"picamera2 cannot be imported ({error}): sudo apt install python3-picamera2, and use a virtual "
            "environment with --system-site-packages"
        ) from None
    if not Picamera2.global_camera_info():
        raise CameraError("no camera is connected to the CSI port, as far as libcamera can see")
    try:
        return Picamera2(number)
    except RuntimeError as error:
        raise CameraError(f"CSI camera {number}: {error.__cause__ or error}; is another program using it?") from error


def _give_back(shot: Shot | None) -> None:
    if shot:
        shot.request.release()
