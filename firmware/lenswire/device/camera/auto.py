"""A real camera if there is one; while there is none, the clip or the test card."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from lenswire.device.camera import Camera, CameraWish, Grab, Picture
from lenswire.errors import CameraError, MissingDependency, NoCamera, StandInEnds

log = logging.getLogger(__name__)

LOOK = 500_000_000  # ns between looks at whether a camera has come


def video_nodes(folder: Path = Path("/dev")) -> frozenset[str]:
    """What the kernel has of cameras; opening each would tell more, and take longer."""
    return frozenset(path.name for path in folder.iterdir() if path.name.startswith(("video", "media")))


class Auto:
    """Opens the first camera that there is. Once there was a real one, nothing else will do in its place; nor will it
    while there is one that somebody else uses, or that we may not open."""

    def __init__(
        self,
        openers: Sequence[Callable[[], Camera]],
        wish: CameraWish,
        hardware: Callable[[], object] = video_nodes,
    ) -> None:
        """hardware: gives another value when a camera may have come."""
        self._openers, self._wish, self._hardware = openers, wish, hardware
        self._found: Callable[[], Camera] | None = None

    def __call__(self) -> Camera:
        """Raises CameraError when a real camera that there is cannot be opened."""
        if self._found:
            return self._found()
        hardware = self._hardware()  # before looking: what comes meanwhile is not missed
        absent: list[str] = []
        faults: list[CameraError] = []
        for opener in self._openers:
            try:
                camera = opener()
            except (NoCamera, MissingDependency) as error:
                absent.append(str(error))
            except CameraError as error:
                faults.append(error)
            else:
                self._found = opener
                return camera
        if faults:
            raise faults[0]
        log.warning("= no camera, a stand-in is shown until there is one: %s", "; ".join(absent))
        return StandIn(clip_or_card(self._wish), lambda: self._hardware() != hardware)


class StandIn:
    """Shown in a camera's place, and says so; ends when there may be a camera."""

    def __init__(self, shown: Camera, changed: Callable[[], bool]) -> None:
        self.description = f"{shown.description} (no camera found)"
        self.width, self.height, self.fps, self.compressed = shown.width, shown.height, shown.fps, shown.compressed
        self._shown, self._changed = shown, changed
        self._looked = 0

    def grab(self, timeout: float) -> Grab | None:
        """Raises StandInEnds."""
        grab = self._shown.grab(timeout)
        if grab and grab.captured - self._looked > LOOK:
            self._looked = grab.captured
            if self._changed():
                raise StandInEnds(f"{self.description}: there may be a camera now")
        return grab

    def picture(self) -> Picture:
        return self._shown.picture()

    def close(self) -> None:
        self._shown.close()


def clip_or_card(wish: CameraWish) -> Camera:
    """The clip, or the test card where the clip is not installed."""
    from lenswire.device.camera.file import open_file, recorded_clip

    if clip := recorded_clip():
        return open_file(clip, wish)
    from lenswire.device.camera.pattern import Pattern

    return Pattern(wish)
