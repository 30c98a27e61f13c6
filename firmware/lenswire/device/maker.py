"""Makes renditions out of pictures: resize if need be, encode, publish. In the capture thread, or in one beside it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple

from lenswire.device.camera import Picture
from lenswire.device.encoder import Encoder
from lenswire.device.rendition import Rendition
from lenswire.latest import Latest

log = logging.getLogger(__name__)


class Job(NamedTuple):
    """A frame to make for a rendition, with the number that it has there."""

    rendition: Rendition
    number: int


class Work(NamedTuple):
    """A picture, when it was captured (ns), and what to make of it."""

    encoder: Encoder
    picture: Picture
    captured: int
    jobs: list[Job]


class Maker:
    """Each size and quality is encoded once per picture, however many renditions differ only in their rate.

    published(idle) is told when there is something new; idle: nothing had to be encoded.
    """

    def __init__(self, quality: int, published: Callable[[bool], object], clock: Callable[[], int]) -> None:
        self.damaged = 0  # pictures that could not be decoded or encoded
        self.quality = quality  # where a plan leaves it open
        self.made = 0
        self._published, self._clock = published, clock
        self._work: Latest[Work] = Latest()
        self._thread: threading.Thread | None = None

    def make(self, encoder: Encoder, picture: Picture, captured: int, jobs: list[Job]) -> None:
        """Make and publish, now."""
        idle = True
        made: dict[tuple[int, int, int], tuple[int, int, bytes | memoryview]] = {}
        for rendition, number in jobs:
            plan = rendition.plan
            what = (plan.width or picture.width, plan.height or picture.height, plan.quality or self.quality)
            try:
                if what not in made:
                    made[what] = self._encode(encoder, picture, *what)
                begin, end, jpeg = made[what]
                rendition.publish(number, captured, begin, end, what[:2], jpeg)
                self.made += 1
                idle = idle and jpeg is picture.jpeg
            except ValueError as error:  # how simplejpeg reports a damaged picture, and the wire one that is too large
                self._complain(error)
        # What was encoded had better be handed on by another thread, on another core: with 50 viewers the pictures of a
        # raw camera were 2.4 ms old at the median, 3.0 when this one did it.
        self._published(idle)

    def begin(self, encoder: Encoder, picture: Picture, captured: int, jobs: list[Job]) -> None:
        """Have it made in a thread of its own; what that has not begun yet gives way to the newer picture."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="renditions", daemon=True)
            self._thread.start()
        self._work.put(Work(encoder, picture, captured, jobs))

    def stop(self) -> None:
        self._work.close()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._work.closed:
            if work := self._work.take(None):
                self.make(*work)

    def _encode(
        self, encoder: Encoder, picture: Picture, width: int, height: int, quality: int
    ) -> tuple[int, int, bytes | memoryview]:
        begin = self._clock()
        if (width, height) != (picture.width, picture.height):
            from lenswire.device.encoder.resize import resize

            picture = resize(picture, width, height)
        jpeg = encoder.encode(picture, quality)
        return begin, self._clock(), jpeg

    def _complain(self, error: Exception) -> None:
        self.damaged += 1
        if self.damaged & (self.damaged - 1) == 0:  # the 1st, 2nd, 4th, 8th ...: a bad cable must not fill the log
            log.warning("! picture skipped (%d so far): %s", self.damaged, error)
