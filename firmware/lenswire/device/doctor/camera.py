"""What the camera and the encoder really give, measured on this machine in a few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median

from lenswire.device.camera import Camera
from lenswire.device.camera.auto import StandIn
from lenswire.device.doctor import Fact
from lenswire.device.encoder import Encoder
from lenswire.errors import CameraError

SECONDS = 5.0
GRAB_LIMIT = 2.0  # seconds without a frame: it gives none
SLOW = 0.8  # of the rate that was set: less than this is worth a word


# What helps against a camera that cannot be opened, by a word of why it cannot.
MENDS = {
    "using it": "if the service has it, 'sudo systemctl stop lenswire' gives it back",
    "permission": "sudo usermod -aG video $USER, then log in again",
}
CABLE = "look at the cable, and at camera.source"


@dataclass(slots=True)
class Measured:
    """What came in so many seconds."""

    seconds: float = 0.0
    frames: int = 0
    lost: int = 0
    encode_ms: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)


def camera_facts(
    open_camera: Callable[[], Camera], choose: Callable[[Camera], Encoder], quality: int, seconds: float = SECONDS
) -> Iterator[Fact]:
    """Open the camera, look at every frame for a while, and say what that gave."""
    try:
        camera = open_camera()
    except CameraError as error:
        yield Fact("camera", str(error), next((mend for word, mend in MENDS.items() if word in str(error)), CABLE))
        return
    try:
        missing = CABLE if isinstance(camera, StandIn) else ""
        yield Fact("camera", f"{camera.description}, {camera.width}x{camera.height} at {camera.fps:g} fps", missing)
        encoder = choose(camera)
        yield Fact("encoder", f"{encoder.name}: {encoder.reason}")
        yield _verdict(camera, measure(camera, encoder, quality, seconds))
    except CameraError as error:
        yield Fact("measured", str(error), "look at the cable and the power supply, then run this again")
    finally:
        camera.close()


def measure(
    camera: Camera, encoder: Encoder, quality: int, seconds: float, clock: Callable[[], float] = time.monotonic
) -> Measured:
    """Grab and encode for so many seconds. Raises CameraError when frames stop."""
    measured = Measured()
    begin = clock()
    while measured.seconds < seconds:
        grab = camera.grab(GRAB_LIMIT)
        if grab is None:
            raise CameraError(f"{camera.description}: no frame for {GRAB_LIMIT:g} s")
        measured.frames += 1
        measured.lost += grab.lost
        before = clock()
        jpeg = encoder.encode(camera.picture(), quality)
        measured.encode_ms.append((clock() - before) * 1e3)
        measured.sizes.append(len(jpeg))
        measured.seconds = clock() - begin
    return measured


def _verdict(camera: Camera, measured: Measured) -> Fact:
    fps = measured.frames / measured.seconds
    words = (
        f"{fps:.1f} fps captured, {measured.lost} frames lost in {measured.seconds:.0f} s; to JPEG "
        f"{median(measured.encode_ms):.1f} ms (median), {median(measured.sizes) / 1e3:.0f} kB"
    )
    mend = ""
    if median(measured.encode_ms) > SLOW * 1000 / camera.fps:
        mend = "the processor is too slow for this: a smaller camera.size, or a USB camera that makes JPEG itself"
    elif fps < SLOW * camera.fps:
        mend = "the camera gives less than was set: more light (auto exposure slows it down), or another USB port"
    return Fact("measured", words, mend)
