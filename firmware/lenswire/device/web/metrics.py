"""/metrics: the device in Prometheus' terms, in a registry of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from lenswire.device.state import State
from lenswire.device.web import Counters
from lenswire.messages import Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TEMPERATURE = "sys/class/thermal/thermal_zone0/temp"
THROTTLED = "sys/devices/platform/soc*/soc*:firmware/get_throttled"  # a Pi 5 has an address in both names
NOW = 0xF  # the bits of get_throttled that say how it is; the others say how it has been since power-on


class Metrics:
    """All of them, read when they are asked for. `codes` counts answers by their status."""

    def __init__(
        self,
        name: str,
        status: Callable[[], Status],
        counters: Callable[[], Counters],
        codes: Mapping[int, int],
        now: Callable[[], int],
        root: Path = Path("/"),
    ) -> None:
        self._name, self._status, self._counters, self._codes = name, status, counters, codes
        self._now, self._root = now, root
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def page(self) -> bytes:
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """What prometheus_client asks a collector for."""
        status, counters = self._status(), self._counters()
        yield from self._camera(status, counters)
        yield GaugeMetricFamily("lenswire_viewers", "Who watches now, by any protocol.", status.viewers)
        yield GaugeMetricFamily("lenswire_renditions", "Sizes, rates and qualities made now.", len(status.renditions))
        state = GaugeMetricFamily("lenswire_state", "1 for the state that the device is in.", labels=["state"])
        for one in State:
            state.add_metric([one.name], float(one.name == status.state))
        yield state
        about = {"version": status.version, "name": self._name, "camera": status.camera}
        yield InfoMetricFamily("lenswire", "What this device is.", about)
        encoder = {"encoder": status.encoder, "reason": status.encoder_reason}
        yield InfoMetricFamily("lenswire_encoder", "What makes the JPEG, and why.", encoder)
        yield CounterMetricFamily("lenswire_snapshots", "Snapshots kept on the device.", counters.snapshots)
        requests = CounterMetricFamily("lenswire_http_requests", "Answers over HTTP, by status.", labels=["code"])
        for code, count in sorted(self._codes.items()):
            requests.add_metric([str(code)], count)
        yield requests
        yield from self._board()

    def _camera(self, status: Status, counters: Counters) -> Iterator[Metric]:
        opened = "since the camera was opened"
        yield CounterMetricFamily("lenswire_frames_captured", f"Frames that came, {opened}.", status.captured)
        yield CounterMetricFamily("lenswire_frames_dropped", f"Frames lost at the camera, {opened}.", status.dropped)
        yield CounterMetricFamily("lenswire_frames_made", "Pictures made for those who watch.", counters.made)
        yield CounterMetricFamily("lenswire_camera_lost", "Times that the camera was lost.", counters.lost)
        yield GaugeMetricFamily("lenswire_camera_fps", "Frames per second at the camera.", status.fps)
        if counters.newest:
            age = (self._now() - counters.newest) / 1e9
            yield GaugeMetricFamily("lenswire_frame_age_seconds", "Since the camera's newest frame was captured.", age)

    def _board(self) -> Iterator[Metric]:
        if text := self._read(TEMPERATURE):
            yield GaugeMetricFamily("lenswire_temperature_celsius", "The processor's.", int(text) / 1000)
        if text := self._read(THROTTLED):
            slow = float(bool(int(text, 16) & NOW))
            yield GaugeMetricFamily("lenswire_throttled", "1 while under-voltage or heat slows the board down.", slow)

    def _read(self, pattern: str) -> str:
        try:
            return next((path.read_text("ascii").strip() for path in self._root.glob(pattern)), "")
        except (OSError, ValueError):
            return ""
