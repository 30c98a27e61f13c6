"""A rendition: the stream in one size, rate and quality, made once for all viewers who asked for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from lenswire import wire
from lenswire.messages import Frame


class Source(NamedTuple):
    """What the open camera gives."""

    width: int
    height: int
    fps: float
    compressed: bool = False  # the camera makes the JPEG: its quality is not ours to choose


class Published(NamedTuple):
    """A frame's bytes on the wire, built once for all viewers, and when it was captured (ns)."""

    captured: int
    data: bytes

    @property
    def jpeg(self) -> memoryview:
        return memoryview(self.data)[wire.JPEG_OFFSET :]

    @property
    def frame(self) -> Frame:
        """With all that is told of it; its JPEG is a memoryview of `data`."""
        return wire.decode_frame(self.data)


class Waiter(Protocol):
    """Whoever waits for the next frame of a rendition. Event loop only."""

    def offer(self, published: Published) -> bool:
        """Take this frame, if there is room; returns whether to be offered the next one too. Who is not asks for it
        with `Hub.wait` later."""
        ...

    def afterwards(self) -> bool:
        """It was not to be offered the next one, and now all have been offered this one: nobody waits for what it does
        here. Returns whether it is to be offered the next one after all."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rendition is: size in pixels, at most so many frames per second (0: all), JPEG quality (0: the config's).

    width = height = 0 until the camera's own size is known; exact: stretched to this very size, as the clients of the
    article expect.
    """

    width: int = 0
    height: int = 0
    fps: float = 0.0
    quality: int = 0
    exact: bool = False

    def fit(self, source: Source, quality: int) -> Plan:
        """The plan for this source: the picture's shape kept, never enlarged, limits that limit nothing taken away, so
        that equal results share the work. `quality` is the config's."""
        width, height = (self.width, self.height) if self.exact else fit_size(self.width, self.height, source)
        untouched = (width, height) == (source.width, source.height)
        fixed = self.quality == quality or (source.compressed and untouched)
        fps = self.fps if self.fps < source.fps * 0.99 else 0.0
        return Plan(width, height, fps, 0 if fixed else self.quality)

    def is_source(self, source: Source) -> bool:
        """The camera's own picture at the config's quality, perhaps at a lower rate."""
        return self.quality == 0 and (self.width, self.height) in ((0, 0), (source.width, source.height))


def fit_size(width: int, height: int, source: Source) -> tuple[int, int]:
    """The greatest size of the source's shape that fits into width x height (0: no limit), even, and never enlarged."""
    scale = min(1.0, (width or math.inf) / source.width, (height or math.inf) / source.height)
    if scale == 1.0:
        return source.width, source.height
    return max(2, int(source.width * scale + 0.5) & ~1), max(2, int(source.height * scale + 0.5) & ~1)


class Rendition:
    """`due` and `publish` belong to the pipeline's threads, the rest to the event loop, but that the pipeline asks
    whether anybody is waiting: reading that without a lock is at worst one frame early or late."""

    def __init__(self, number: int, plan: Plan) -> None:
        self.number = number
        self.plan = plan
        self.viewers = 0
        self.made = 0  # frames encoded
        self.waiting: dict[Waiter, None] = {}  # in order of arrival
        self.newest: Published | None = None  # what the event loop has spread
        self._latest: Published | None = None  # from the pipeline to the event loop: the newest wins
        self._sequence = 0
        self._next_due = 0.0  # ns

    # Pipeline

    def due(self, captured: int) -> int | None:
        """The number of the frame captured at `captured` (ns) in this rendition; None if the rate says to skip it."""
        if self.plan.fps:
            period = 1e9 / self.plan.fps
            # A frame may come a little early: a 30 fps camera at 15 fps must not skip two frames for 0.1 ms of jitter.
            if captured < self._next_due - period / 4:
                return None
            self._next_due = max(self._next_due + period, captured + period / 2)
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        return self._sequence

    def publish(
        self, sequence: int, captured: int, begin: int, end: int, size: tuple[int, int], jpeg: bytes | memoryview
    ) -> None:
        """Hand a finished picture to the event loop. captured, begin and end of encoding: ns. The JPEG is copied."""
        begin, end = _microseconds(begin - captured), _microseconds(end - captured)
        data = wire.encode_frame(sequence, captured, (self.number, *size, begin, end), jpeg)
        self.made += 1
        self._latest = Published(captured, data)

    # Event loop

    def spread(self) -> None:
        """Give the newest frame to all who wait, unless they have had it."""
        published = self._latest
        if published is None or published is self.newest:
            return
        self.newest = published
        self.give(published, tuple(self.waiting))

    def give(self, published: Published, waiters: tuple[Waiter, ...]) -> None:
        """To these of those who wait."""
        for waiter in [waiter for waiter in waiters if not waiter.offer(published)]:
            if not waiter.afterwards():
                self.waiting.pop(waiter, None)


def _microseconds(ns: int) -> int:
    """As the wire has them."""
    return max(0, min(ns // 1000, 0xFFFFFFFF))
