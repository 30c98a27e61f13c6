"""The Pi's own camera, through picamera2, which only this folder imports.

picamera2 raises nothing when a camera vanishes, frames just stop; the pipeline watches for progress, and closes and
opens it again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from lenswire.device.camera import CameraWish, Grab, Picture
from lenswire.device.camera.csi.requests import Newest
from lenswire.device.camera.csi.videocore import LARGEST_SIDE, STRIDE, VideoCore, available, bitrate
from lenswire.errors import CameraError, MissingDependency, NoCamera

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

WIDTH, HEIGHT, FPS = 1280, 720, 30.0
# One that is looked at, one that waits, four for the sensor and the ISP: picamera2's own number for video.
BUFFERS = 6


class Csi:
    """Camera number `number` of libcamera, as YUV 4:2:0 with the full range and BT.601 that JPEG has.

    controls: libcamera's own, by name: AfMode, ExposureTime (us), ScalerCrop ([x, y, width, height]) and so on.
    hardware: JPEG is made by the VideoCore while somebody looks; until the first one is there, pictures are planes.
    """

    def __init__(self, wish: CameraWish, controls: Mapping[str, Any] | None = None, number: int = 0) -> None:
        self.description = f"CSI camera {number}"
        self._newest = Newest()
        self._encoder: VideoCore | None = None
        self._camera = _open(number)
        try:
            self.description = f"{self._camera.camera_properties.get('Model', 'camera')} (libcamera {number})"
            self._configure(wish, controls or {})
            self.refusal = self._refusal()
            self.compressed = not self.refusal
            if self.compressed:
                self._encoder = VideoCore(self._camera, bitrate(self.width, self.height, self.fps, wish.quality))
            self._camera.post_callback = self._completed
            self._camera.start()
        except (RuntimeError, ValueError, OSError) as error:
            self.close()
            raise CameraError(f"{self.description}: {error}") from error

    def grab(self, timeout: float) -> Grab | None:
        if self._encoder and self._encoder.running:
            if grab := self._encoder.grab(timeout):
                self._newest.seen()
            return grab
        taken = self._newest.take(timeout)
        return Grab(taken[0].captured, taken[1]) if taken else None

    def picture(self) -> Picture:
        if self._encoder:
            self._encoder.look()
            if jpeg := self._encoder.jpeg:
                return Picture(self.width, self.height, jpeg=jpeg)
        return Picture(self.width, self.height, planes=self._planes(self._newest.request))

    def close(self) -> None:
        # A camera that was pulled out makes any of these fail; the others must be done all the same.
        for step in (self._encoder and self._encoder.stop, self._camera.stop, self._newest.close, self._camera.close):
            try:
                if step:
                    step()
            except (RuntimeError, OSError, AttributeError, KeyError) as error:
                log.debug("= closing %s: %s", self.description, error)

    # Inside

    def _completed(self, request: Any) -> None:
        """picamera2's callback for each request, before its encoder gets it."""
        self._newest.completed(request)
        if self._encoder:
            self._encoder.given()

    def _configure(self, wish: CameraWish, controls: Mapping[str, Any]) -> None:
        import libcamera

        camera = self._camera
        if unknown := set(controls) - set(camera.camera_controls):
            known = ", ".join(sorted(camera.camera_controls)) or "none"
            raise CameraError(f"{self.description}: no control {min(unknown)!r}; it has {known}")
        turned = wish.rotation == 180
        config = camera.create_video_configuration(
            main={"format": "YUV420", "size": (wish.width or WIDTH, wish.height or HEIGHT)},
            transform=libcamera.Transform(hflip=turned, vflip=turned),
            colour_space=libcamera.ColorSpace.Sycc(),
            buffer_count=BUFFERS,
            queue=False,  # the newest is ours to keep; picamera2 need not hold another
            controls={**self._rate(wish.fps or FPS), **controls},
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

    def _refusal(self) -> str:
        """Why the VideoCore cannot make the JPEGs; empty if it can."""
        if not available():
            return "this board has no JPEG encoder"
        if max(self.width, self.height) > LARGEST_SIDE:
            return f"the board's JPEG encoder takes at most {LARGEST_SIDE} pixels a side"
        if self._stride % STRIDE:
            return f"the board's JPEG encoder wants rows of a multiple of {STRIDE} bytes, not {self._stride}"
        return ""

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


def _open(number: int) -> Any:
    try:
        from picamera2 import Picamera2
    except ImportError as error:
        raise MissingDependency(
            f"picamera2 cannot be imported ({error}): sudo apt install python3-picamera2, and use a virtual "
            "environment with --system-site-packages"
        ) from None
    if not Picamera2.global_camera_info():
        raise NoCamera("no camera is connected to the CSI port, as far as libcamera can see")
    try:
        return Picamera2(number)
    except RuntimeError as error:
        raise CameraError(f"CSI camera {number}: {error.__cause__ or error}; is another program using it?") from error
