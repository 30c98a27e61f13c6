"""A USB camera by V4L2."""

from __future__ import annotations

from collections.abc import Mapping

from lenswire.device.camera import Camera, CameraWish
from lenswire.errors import CameraError


class UsbOpener:
    """Finds and opens a USB camera."""

    def __init__(self, which: str, wish: CameraWish, controls: Mapping[str, int]) -> None:
        self._which = which

    def __call__(self) -> Camera:
        raise CameraError("no USB camera found")
