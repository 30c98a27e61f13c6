"""Encoders: what makes a JPEG of a picture, and which one is used for a camera."""

from __future__ import annotations

import logging
from typing import Protocol

from lenswire.device.camera import Accelerated, Camera, Picture

log = logging.getLogger(__name__)


class Encoder(Protocol):
    """Makes JPEGs. May be called from two threads at once: the camera's, and that of the smaller copies."""

    name: str  # for people: "camera JPEG", "libjpeg-turbo"
    reason: str  # why it is this one

    def encode(self, picture: Picture, quality: int) -> bytes | memoryview:
        """One JPEG at quality 1-100. A picture that is a JPEG already stays as it is."""
        ...


class Turbo:
    """libjpeg-turbo on the processor; it is loaded with the first picture that needs it."""

    name = "libjpeg-turbo"

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def encode(self, picture: Picture, quality: int) -> bytes | memoryview:
        if picture.jpeg is not None:
            return picture.jpeg
        from lenswire.device.encoder import turbo

        return turbo.encode(picture, quality)


class CameraJpeg(Turbo):
    """The camera's own JPEG, untouched; only a copy of another size has to be made again."""

    name = "camera JPEG"


class VideoCoreJpeg(CameraJpeg):
    """The board's own encoder, which works inside `camera.csi`; the first pictures, until it runs, come as planes."""

    name = "VideoCore JPEG"


def choose(camera: Camera) -> Encoder:
    """The first that can: the camera's own JPEG, the board's hardware, libjpeg-turbo; a warning for each step down."""
    if isinstance(camera, Accelerated):
        if not camera.refusal:
            return VideoCoreJpeg("the board's hardware makes JPEG from the camera's own buffers")
        refusal = camera.refusal
    elif camera.compressed:
        return CameraJpeg("the camera makes JPEG itself")
    else:
        refusal = "the camera gives no JPEG"
    log.warning("= encoder: libjpeg-turbo, as %s", refusal)
    return Turbo(refusal)
