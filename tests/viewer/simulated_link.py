"""A camera, a device, a link and a viewer on a clock of their own: the real protocol, no sockets, no waiting."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from lenswire import wire
from lenswire.ends import DeviceConnection, ViewerConnection
from lenswire.messages import Frame, Pong, Watch
from lenswire.viewer.reception import Received, Reception, Statistics

SECOND = 1_000_000_000
DEVICE_BEGAN = 77 * SECOND  # the device's clock shows this when ours shows 0


@dataclass
class Link:
    """What may be changed while it runs; seconds and bytes per second."""

    rate: float
    down: float = 0.0001
    up: float = 0.0001
    extra: Callable[[float], float] = lambda now: 0.0  # more delay on the way down, at a time


@dataclass
class Simulation:
    link: Link
    fps: float = 30.0
    size: int = 100_000
    encoding: float = 0.003
    drift_ppm: float = 0.0
    now: int = 0
    seen: list[tuple[Received, float]] = field(default_factory=list)  # and its true age when it was here, s
    credits: int = 0

    def __post_init__(self) -> None:
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._device = DeviceConnection("simulated", bytes(32))
        self._viewer = ViewerConnection("viewer", bytes(32))
        self.statistics = Statistics()
        self._reception: Reception | None = None
        self._free = self._last_arrival = 0
        self._sequence = 0
        self._newest: Frame | None = None
        self._flush_viewer()
        self._at(0, self._capture)

    def run(self, seconds: float) -> None:
        end = self.now + int(seconds * SECOND)
        while self._heap and self._heap[0][0] <= end:
            self.now, _, action = heapq.heappop(self._heap)
            action()
        self.now = end

    def rate(self, last: float) -> float:
        """Frames per second over the last seconds."""
        return sum(1 for received, _ in self.seen if received.received > self.now - last * SECOND) / last

    def ages(self, last: float) -> list[float]:
        return [age for received, age in self.seen if received.received > self.now - last * SECOND]

    # Device

    def _device_clock(self) -> int:
        return DEVICE_BEGAN + self.now + int(self.now * self.drift_ppm / 1e6)

    def _capture(self) -> None:
        captured, true = self._device_clock(), self.now
        self._sequence += 1
        end = int(self.encoding * 1e6)
        jpeg = true.to_bytes(8, "big").ljust(self.size, b"\0")
        frame = Frame(self._sequence, captured, 1, 640, 480, 0, end, jpeg)
        self._at(self.now + int(self.encoding * SECOND), lambda: self._offer(frame))
        self._at(self.now + int(SECOND / self.fps), self._capture)

    def _offer(self, frame: Frame) -> None:
        self._newest = frame
        self._send_newest()

    def _send_newest(self) -> None:
        if self._newest and self._device.credit:
            self._device.frame_sent()
            self._down(wire.encode(self._newest))
            self._newest = None

    def _hear_viewer(self, data: bytes) -> None:
        self._device.receive_data(data, self._device_clock())
        self._device.events()
        self._down(self._device.data_to_send())
        self._send_newest()

    def _down(self, data: bytes) -> None:
        if data:
            self._free = max(self.now, self._free) + int(len(data) / self.link.rate * SECOND)
            delay = self.link.down + self.link.extra(self.now / SECOND)
            self._last_arrival = max(self._last_arrival, self._free + int(delay * SECOND))
            self._at(self._last_arrival, lambda: self._hear_device(data))

    # Viewer

    def _hear_device(self, data: bytes) -> None:
        self._viewer.receive_data(data, self.now)
        for message in self._viewer.events():
            if self._reception is None:
                self._reception = Reception(self._viewer, Watch(), self.statistics, self.now)
                self._tick()
            elif isinstance(message, Frame):
                received = self._reception.frame(message, self.now)
                self.seen.append((received, (self.now - int.from_bytes(message.jpeg[:8], "big")) / SECOND))
            elif isinstance(message, Pong):
                self._reception.pong(message, self.now)
        self._flush_viewer()

    def _tick(self) -> None:
        assert self._reception
        self._at(self._reception.tick(self.now), self._tick)
        self._flush_viewer()

    def _flush_viewer(self) -> None:
        if data := self._viewer.data_to_send():
            self.credits += data.count(wire.encode(wire.Credit(0, 0))[:6])
            self._at(self.now + int(self.link.up * SECOND), lambda: self._hear_viewer(data))

    def _at(self, when: int, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (when, next(self._order), action))
