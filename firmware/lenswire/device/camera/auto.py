"""A real camera if there is one, else the clip, else the test card."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lenswire.device.camera import Camera, CameraWish
from lenswire.errors import CameraError

log = logging.getLogger(__name__)


class Auto:
    """Opens what there is. Once there was a real camera, nothing else will do in its place."""

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
            log.warning("= no USB camera, a stand-in is shown: %s", error)
            return stand_in(self._wish)
        self._real = True
        return camera


def stand_in(wish: CameraWish) -> Camera:
    """The clip, or the test card where the clip is not installed; its description says that no camera was found."""
    from lenswire.device.camera.file import open_file, recorded_clip

    camera: Camera
    if clip := recorded_clip():
        camera = open_file(clip, wish)
    else:
        from lenswire.device.camera.pattern import Pattern

        camera = Pattern(wish)
    camera.description += " (no camera found)"
    return camera
