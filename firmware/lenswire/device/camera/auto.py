"""A real camera if there is one, else the clip, else the test card."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from lenswire.device.camera import Camera, CameraWish
from lenswire.errors import CameraError, MissingDependency

log = logging.getLogger(__name__)


class Auto:
    """Opens the first camera that there is. Once there was a real one, nothing else will do in its place."""

    def __init__(self, openers: Sequence[Callable[[], Camera]], wish: CameraWish) -> None:
        self._openers, self._wish = openers, wish
        self._found: Callable[[], Camera] | None = None

    def __call__(self) -> Camera:
        """Raises CameraError when the real camera that there was cannot be opened."""
        if self._found:
            return self._found()
        refusals = []
        for opener in self._openers:
            try:
                camera = opener()
            except (CameraError, MissingDependency) as error:
                refusals.append(str(error))
            else:
                self._found = opener
                return camera
        log.warning("= no camera, a stand-in is shown: %s", "; ".join(refusals))
        return stand_in(self._wish)


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
