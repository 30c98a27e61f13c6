"""A USB camera that is pulled out, plugged in again, and one that hangs."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from eye import Eye
from gpio import spans
from usb_camera import Frames
from virtual_pi import VirtualPi

from eventually import until
from lenswire.device.state import TABLE, State

SOON = 3.0  # seconds for a fault to be seen, on the LED and at the viewer


def test_unplugged_and_plugged_in_again(pi: VirtualPi, eye: Eye, frames: Frames, say: Callable[[str], None]) -> None:
    """Five times in a row, on the same connection."""
    eye.picture()
    connections = eye.statistics.reconnects
    noticed, back = [], []
    for _ in range(5):
        pulled = time.monotonic()
        pi.unplug_camera()
        edges = pi.watch_led(SOON)
        noticed.append(eye.state("FAULT", since=pulled) - pulled)
        assert len([edge for edge in edges[1:] if edge.at - pulled < SOON]) >= 2, "the LED does not blink"
        plugged = time.monotonic()
        pi.plug_camera(frames)
        back.append(eye.picture("a picture of the camera that is back").at - plugged)
        eye.state("STREAMING")
    say(f"FAULT after {_seconds(noticed)}; the picture is back {_seconds(back)} after plugging in")
    assert max(noticed) < SOON
    assert eye.statistics.reconnects == connections
    assert eye.status and eye.status.reason == ""


def test_a_camera_that_hangs_is_noticed_and_taken_up_again(pi: VirtualPi, eye: Eye) -> None:
    """It stays plugged in, and gives no frame."""
    eye.picture()
    assert pi.camera
    pi.camera.frozen = True
    frozen = time.monotonic()
    assert eye.state("FAULT", since=frozen) - frozen < SOON + 0.5  # 2 s without a frame, on an emulated clock
    fast = TABLE[State.FAULT].led
    blinks = spans(pi.watch_led(2.0), level=True)
    assert len(blinks) > 5 and abs(median(blinks) - fast.on) < 0.06, blinks
    assert eye.status and "no frame" in eye.status.reason
    pi.camera.frozen = False
    eye.picture("a picture of the camera that goes on")
    until(lambda: eye.status and eye.status.state == "STREAMING", "STREAMING")


def _seconds(values: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values) + " s"
