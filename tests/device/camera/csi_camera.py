"""The CSI camera on the picamera2 without a camera."""

from __future__ import annotations

from typing import Any

from lenswire.device.camera import CameraWish

WISH = CameraWish(64, 48, 30)


def opened(wish: CameraWish = WISH, **settings: Any) -> tuple[Any, Any]:
    """Our camera, and the picamera2 below it."""
    from picamera2 import Picamera2

    from lenswire.device.camera.csi import Csi

    camera = Csi(wish, **settings)
    return camera, Picamera2.newest
