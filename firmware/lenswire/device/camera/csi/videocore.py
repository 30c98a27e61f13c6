"""JPEG by the VideoCore of a Pi up to the 4, straight from the camera's dma-bufs, through picamera2's V4L2 encoder.

picamera2's MJPEGEncoder is that encoder only on boards that have it. Elsewhere (Pi 5) the same name is libav with frame
threads, whose delay grows with every burst of load and never shrinks: there libjpeg-turbo does the work.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from lenswire.device.camera import Grab
from lenswire.device.camera.csi.requests import monotonic

log = logging.getLogger(__name__)

NODE = Path("/dev/video11")  # bcm2835-codec's encoder; picamera2 opens the same (v4l2_encoder.py)
LARGEST_SIDE = 1920  # the most that the encoder takes
# picamera2 gives the encoder 512 KB for a picture. It is asked for a bitrate, not for a quality, so that a picture may
# be larger than the mean: half of that leaves room for twice the mean.
LARGEST_MEAN = (512 << 10) // 2
# Nobody has looked for so long: the encoder may rest. (ns)
IDLE = 1_000_000_000
EOI = b"\xff\xd9"


def available() -> bool:
    """This board has the encoder, and picamera2 knows it."""
    if not NODE.exists():
        return False
    from picamera2.platform import Platform, get_platform

    return bool(get_platform() == Platform.VC4)


def bitrate(width: int, height: int, fps: float, quality: int) -> int:
    """Bits per second that give about this JPEG quality (1-100).

    picamera2's own table, 16 to 50 Mbit/s for 1080p30 from VERY_LOW to VERY_HIGH, is 0.26 to 0.8 bits a pixel; here
    quality 95 is the upper end, and 20 less halves it, which is how libjpeg's sizes go.
    """
    bits = 0.8 * 2 ** ((quality - 95) / 20) * width * height
    return int(min(bits, LARGEST_MEAN * 8) * fps)


class Coded(NamedTuple):
    """A JPEG and when its frame was captured, ns on CLOCK_MONOTONIC."""

    jpeg: bytes
    captured: int


class VideoCore:
    """The encoder: begun by the first look, ended when nobody has looked for a second."""

    def __init__(self, camera: Any, bits: int, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.running = False
        self.jpeg: bytes = b""  # the one that grab() told of; empty before the first
        self._camera, self._bits, self._clock = camera, bits, clock
        self._looked = 0
        self._came = threading.Condition()
        self._waiting: Coded | None = None
        self._lost = 0
        self._encoder: Any = None

    def look(self) -> None:
        """Somebody looks at pictures now."""
        self._looked = self._clock()
        if not self.running:
            self._start()

    def grab(self, timeout: float) -> Grab | None:
        """Wait for the newest JPEG, or rest when nobody looks any more."""
        if self._clock() - self._looked > IDLE:
            self.stop()
            return None
        with self._came:
            self._came.wait_for(lambda: self._waiting is not None, timeout)
            coded, self._waiting = self._waiting, None
            if coded is None:
                return None
            lost, self._lost = self._lost, 0
        self.jpeg = coded.jpeg
        return Grab(coded.captured, lost)

    def stop(self) -> None:
        """Give the encoder back. A second call is no error."""
        if self.running:
            self.running, self.jpeg, self._waiting = False, b"", None
            self._camera.stop_encoder(self._encoder)
            log.info("= VideoCore encoder at rest")

    # Inside

    def _start(self) -> None:
        from picamera2.encoders import MJPEGEncoder
        from picamera2.outputs import Output

        coded = self._coded

        class Here(Output):  # type: ignore[misc]
            """Where picamera2 puts what the encoder made."""

            def outputframe(
                self, frame: bytes, keyframe: bool = True, timestamp: int = 0, *more: Any, **named: Any
            ) -> None:
                coded(bytes(frame), timestamp)

        self._encoder = MJPEGEncoder(self._bits)
        self._camera.start_encoder(self._encoder, Here(), name="main")
        self.running = True
        log.info("= VideoCore encoder at work, %.1f Mbit/s", self._bits / 1e6)

    def _coded(self, jpeg: bytes, timestamp: int) -> None:
        """In the encoder's thread. timestamp: us since the first frame that it was given."""
        captured = monotonic(((self._encoder.firsttimestamp or 0) + timestamp) * 1000)
        with self._came:
            if not jpeg.rstrip(b"\0").endswith(EOI):  # it did not fit into the encoder's buffer
                self._lost += 1
                return
            self._lost += self._waiting is not None
            self._waiting = Coded(jpeg, captured)
            self._came.notify()
