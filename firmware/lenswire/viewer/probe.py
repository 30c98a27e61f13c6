"""The command `probe`: how a stream does, in figures."""

from __future__ import annotations

import json
import sys
import threading
import time
from array import array
from collections.abc import Sequence
from typing import Any

from lenswire.client import no_picture
from lenswire.link import Target
from lenswire.messages import Status, Watch
from lenswire.viewer.connection import Received, Stream
from lenswire.viewer.reception import UNKNOWN

FIRST_PICTURE = 5.0  # seconds: a CSI camera takes about one to open
PROGRESS = 0.5  # seconds between lines
CLEAR = "\r\x1b[K"  # a terminal's line


def run(target: Target, seconds: float, size: tuple[int, int] | None, fps: float, as_json: bool) -> int:
    """Watch for so long after the first picture and print what was seen. Raises LenswireError, NoPicture among them."""
    probe = Probe()
    with Stream(target, Watch(*(size or (0, 0)), fps), probe.take) as stream:
        if not probe.begun.wait(FIRST_PICTURE):
            raise no_picture(stream, FIRST_PICTURE)
        watch(stream, probe, seconds)
        seen = figures(probe, stream)
    print(json.dumps(seen) if as_json else words(seen))
    return 0


class Probe:
    """Takes down every frame; from the stream's thread."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.first_received = 0  # ns
        self.frames = self.bytes = self.dropped = 0
        self.width = self.height = 0
        self.ages = array("d")  # seconds, when the last byte was here

    def take(self, received: Received) -> None:
        self.first_received = self.first_received or received.received
        self.frames += 1
        self.bytes += len(received.frame.jpeg)
        self.dropped += received.dropped
        self.width, self.height = received.frame.width, received.frame.height
        if received.clock_error != UNKNOWN:
            self.ages.append(received.age(received.received))
        self.begun.set()


def watch(stream: Stream, probe: Probe, seconds: float) -> None:
    """Let so much time pass, showing how it goes if there is a terminal. Raises what ended the stream."""
    begun = time.monotonic()
    while (left := begun + seconds - time.monotonic()) > 0:
        time.sleep(min(PROGRESS, left))
        if stream.failure:
            raise stream.failure
        if sys.stderr.isatty():
            age = f", {probe.ages[-1] * 1000:.1f} ms old" if probe.ages else ""
            sys.stderr.write(f"{CLEAR}{probe.frames} pictures{age}; {left:.0f} s to go  {stream.problem}")
            sys.stderr.flush()
    if sys.stderr.isatty():
        sys.stderr.write(CLEAR)


def figures(probe: Probe, stream: Stream) -> dict[str, Any]:
    """Everything that is known, as one JSON object. fps counts the intervals between the frames that came."""
    seconds = (time.monotonic_ns() - probe.first_received) / 1e9
    status, statistics = stream.status or Status("UNKNOWN"), stream.statistics
    return {
        "device": stream.device_name or stream.target.label,
        "version": status.version,
        "state": status.state,
        "camera": status.camera,
        "encoder": status.encoder,
        "encoder_reason": status.encoder_reason,
        "width": probe.width,
        "height": probe.height,
        "frames": probe.frames,
        "seconds": round(seconds, 3),
        "fps": round((probe.frames - 1) / seconds, 2),
        "mean_bytes": probe.bytes // probe.frames,
        "dropped": probe.dropped,
        "age_ms": ages_ms(probe.ages),
        "clock_error_ms": round(statistics.clock_error_ms, 3) if probe.ages else None,
        "rtt_ms": round(statistics.rtt_ms, 3) if probe.ages else None,
        "window": statistics.window,
        "tls": stream.tls,
        "reconnects": statistics.reconnects,
        "viewers": status.viewers,
        "renditions": len(status.renditions),
    }


def ages_ms(ages: Sequence[float]) -> dict[str, float] | None:
    """Percentiles of ages in seconds; None if the device does not tell them (legacy)."""
    if not ages:
        return None
    ranked = sorted(ages)
    picks = {f"p{percent}": ranked[int(percent / 100 * (len(ranked) - 1) + 0.5)] for percent in (50, 95, 99)}
    return {name: round(age * 1000, 3) for name, age in {**picks, "max": ranked[-1]}.items()}


def words(seen: dict[str, Any]) -> str:
    """The figures for a person."""
    age = seen["age_ms"]
    lines = [
        f"{seen['device']}: {seen['width']}x{seen['height']}, {seen['fps']:.1f} fps, "
        f"{seen['mean_bytes'] / 1000:.0f} kB a picture; {seen['frames']} in {seen['seconds']:.1f} s, "
        f"{seen['dropped']} dropped, {seen['reconnects']} reconnects",
        "age when it is here: "
        + (
            f"p50 {age['p50']:.1f}  p95 {age['p95']:.1f}  p99 {age['p99']:.1f}  max {age['max']:.1f} ms, "
            f"right to {seen['clock_error_ms']:.1f} ms"
            if age
            else "not told by this device"
        ),
        f"{seen['state']}: camera {seen['camera'] or 'unknown'}, encoder {seen['encoder'] or 'unknown'}"
        + (f" ({seen['encoder_reason']})" if seen["encoder_reason"] else ""),
        f"{'TLS' if seen['tls'] else 'not encrypted'}"
        + (f", round trip {seen['rtt_ms']:.1f} ms" if seen["rtt_ms"] is not None else "")
        + f", {seen['viewers']} viewers in {seen['renditions']} renditions",
    ]
    return "\n".join(lines)
