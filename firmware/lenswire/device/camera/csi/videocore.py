"""JPEG by the VideoCore of a Pi up to the 4, straight from the camera's dma-bufs, through picamera2's V4L2 encoder.

picamera2's MJPEGEncoder is that encoder only on boards that have it. Elsewhere (Pi 5) the same name is libav with frame
threads, whose delay grows with every burst of load and never shrinks: there libjpeg-turbo does the work.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from lenswire.device.camera import Grab
from lenswire.device.camera.csi.requests import monotonic
from lenswire.errors import CameraError

log = logging.getLogger(__name__)

NODE = Path("/dev/video11")  # bcm2835-codec's encoder; picamera2 opens the same (v4l2_encoder.py)
# What its driver takes (raspberrypi/linux, bcm2835-v4l2-codec.c), which silently changes what it does not.
LARGEST_SIDE = 1920
STRIDE = 64  # rows begin at multiples of it
LARGEST_RATE = 25_000_000  # bits a second
# picamera2 gives the encoder 512 KB for a picture; above 720p the driver makes that 768. It is asked for a bitrate, not
# for a quality, so that a picture may be larger than the mean: half of the 512 leaves room for twice the mean.
LARGEST_MEAN = (512 << 10) // 2
# Nobody has looked for so long: the encoder may rest. (ns)
IDLE = 1_000_000_000
# For so long nothing but pictures that did not fit: ask for less. (ns)
TOO_LARGE = 500_000_000
LEAST_SHARE = 16  # of the bitrate asked for at first: below a sixteenth, pictures are not worth their name
# It keeps what it is given for so long: it hangs. Less than the pipeline's limit, which would blame the camera. (ns)
STALLED = 1_500_000_000
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
    return int(min(min(bits, LARGEST_MEAN * 8) * fps, LARGEST_RATE))


class Coded(NamedTuple):
    """A JPEG and when its frame was captured, ns on CLOCK_MONOTONIC."""

    jpeg: bytes
    captured: int


class VideoCore:
    """The encoder: begun by the first look, ended when nobody has looked for a second."""

    def __init__(self, camera: Any, bits: int, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.running = False
        self.jpeg: bytes = b""  # the one that grab() told of; empty before the first
        self._camera, self._clock = camera, clock
        self._asked = self._bits = bits
        self._looked = self._offered = 0
        self._came = threading.Condition()
        self._waiting: Coded | None = None
        self._lost = 0
        self._cut_since = 0  # when the first came of those that did not fit, with no other since; 0 for none
        self._owed_since = 0  # when it was given the first frame after its last picture; 0 for none
        self._encoder: Any = None

    def look(self) -> None:
        """Somebody looks at pictures now. Raises CameraError if the encoder does not start."""
        self._looked = self._clock()
        if not self.running:
            self._start()

    def given(self) -> None:
        """The camera has a frame, which picamera2 gives to the encoder next. In picamera2's thread."""
        self._owed_since = self._owed_since or self._clock()

    def grab(self, timeout: float) -> Grab | None:
        """Wait for the newest JPEG, or rest when nobody looks any more. Raises CameraError when it hangs."""
        # What counts is whether somebody looks at pictures that there are: an encoder that makes none is not at rest.
        if self._offered > self._looked and self._clock() - self._looked > IDLE:
            self.stop()
            return None
        with self._came:
            self._came.wait_for(lambda: self._waiting is not None, timeout)
            coded, self._waiting = self._waiting, None
            if coded:
                lost, self._lost = self._lost, 0
        if coded is None:
            self._none_came()
            return None
        self.jpeg, self._offered = coded.jpeg, self._clock()
        return Grab(coded.captured, lost)

    def stop(self) -> None:
        """Give the encoder back. A second call is no error. Raises CameraError."""
        if not self.running:
            return
        self.running, self._bits = False, self._asked
        try:
            self._camera.stop_encoder(self._encoder)
        except (OSError, RuntimeError) as error:
            raise CameraError(f"the board's JPEG encoder does not stop: {error}") from error
        finally:
            # Only now: until its thread has ended it may still bring one, which would be old when there is a next look.
            self.jpeg, self._waiting, self._cut_since, self._owed_since = b"", None, 0, 0
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
        self._owed_since = 0
        try:
            self._camera.start_encoder(self._encoder, Here(), name="main")
        except (OSError, RuntimeError) as error:
            with contextlib.suppress(OSError, RuntimeError, AttributeError):
                self._encoder.stop()  # picamera2 leaves its thread running, at full speed
            raise CameraError(f"the board's JPEG encoder does not start: {error}") from error
        self.running = True
        log.info("= VideoCore encoder at work, %.1f Mbit/s", self._bits / 1e6)

    def _none_came(self) -> None:
        now = self._clock()
        if (cut := self._cut_since) and now - cut > TOO_LARGE:
            self._ask_for_less()
        elif (owed := self._owed_since) and now - owed > STALLED:
            raise CameraError(f"the board's JPEG encoder hangs: no picture for {STALLED / 1e9:g} s")

    def _ask_for_less(self) -> None:
        """Half the bitrate until the next rest. The next look begins with it, and is itself served with planes."""
        bits = self._bits // 2
        if bits < self._asked // LEAST_SHARE:
            raise CameraError("pictures do not fit into the board's JPEG encoder: lower camera.size or camera.quality")
        log.warning(
            "! pictures do not fit into the VideoCore encoder's buffer: %.1f Mbit/s instead of %.1f; "
            "a lower camera.size or camera.quality avoids that",
            bits / 1e6,
            self._bits / 1e6,
        )
        self.stop()
        self._bits = bits

    def _coded(self, jpeg: bytes, timestamp: int) -> None:
        """In the encoder's thread. timestamp: us since the first frame that it was given."""
        captured = monotonic(((self._encoder.firsttimestamp or 0) + timestamp) * 1000)
        self._owed_since = 0
        with self._came:
            if not jpeg.rstrip(b"\0").endswith(EOI):  # it did not fit into the encoder's buffer
                self._lost += 1
                self._cut_since = self._cut_since or self._clock()
                return
            self._cut_since = 0
            self._lost += self._waiting is not None
            self._waiting = Coded(jpeg, captured)
            self._came.notify()
