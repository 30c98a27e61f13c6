"""The button and the lights, on the lines of a real gpiochip."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
import simplejpeg
from eye import Eye
from gpio import spans
from release import Installed
from usb_camera import Frames
from virtual_pi import SENSOR_LED, VirtualPi, until

from lenswire.device.state import TABLE, State

NEAR = 0.06  # seconds that an emulated machine may be off a pattern's beat


def check_pattern(pi: VirtualPi, state: State, seconds: float) -> None:
    """What the line does is what the table says of this state."""
    led, edges = TABLE[state].led, pi.watch_led(seconds)
    if not led.off:
        assert len(edges) == 1 and edges[0].level, f"{state}: steady on was expected, got {edges}"
        return
    on, off = spans(edges, True), spans(edges, False)
    assert on and off, f"{state}: {led.words} was expected, got {edges}"
    assert all(abs(span - led.on) < NEAR for span in on), f"{state}: {on}"
    assert all(abs(span - led.off) < 2 * NEAR for span in off), f"{state}: {off}"


def test_a_press_switches_the_camera_off_and_on(pi: VirtualPi, eye: Eye) -> None:
    eye.picture()
    check_pattern(pi, State.STREAMING, 2)
    pressed = time.monotonic()
    pi.press()
    assert eye.state("STOPPED", limit=5) - pressed < 2
    assert eye.status and "button" in eye.status.reason
    until(lambda: not pi.led(SENSOR_LED), "the sensor's light to go out", 5)
    shown = len(eye.seen)
    check_pattern(pi, State.STOPPED, 7)
    assert len(eye.seen) == shown, "a picture from a camera that is off"
    assert not pi.ssh("fuser /dev/video0 2>/dev/null; true").strip(), "the sensor is still open"
    pi.press()
    eye.picture("a picture after the second press")
    eye.state("STREAMING")
    until(lambda: pi.led(SENSOR_LED), "the sensor's light", 5)
    assert eye.statistics.reconnects == 0


def test_nobody_watches(pi: VirtualPi, eye: Eye) -> None:
    eye.picture()
    eye.stop()
    time.sleep(1)
    check_pattern(pi, State.READY, 4)


def test_chatter_is_one_press(pi: VirtualPi, eye: Eye) -> None:
    eye.picture()
    for _ in range(2):
        for _ in range(5):
            pi.press(seconds=0.001)
        pi.press()
        time.sleep(0.5)
    states = [told.status.state for told in eye.told]
    changes = [after for before, after in pairwise(states) if after != before]
    assert changes.count("STOPPED") == 1, states
    eye.state("STREAMING")


def test_a_hold_saves_a_snapshot(pi: VirtualPi, eye: Eye, frames: Frames) -> None:
    eye.picture()
    pi.ssh("rm -rf /var/lib/lenswire/snapshots")
    pi.gpio.drive(2, False)
    try:
        edges = pi.watch_led(5.0)
    finally:
        pi.gpio.drive(2, True)
    flickers = [span for span in spans(edges, False) if span < 0.12]
    assert len(flickers) >= 3, f"no flicker for a snapshot: {edges}"
    names = pi.ssh("ls /var/lib/lenswire/snapshots").split()
    assert len(names) == 1 and names[0].endswith(".jpg"), names
    kept = pi.ssh_bytes(f"cat /var/lib/lenswire/snapshots/{names[0]}")
    assert kept in frames["mjpeg", 640, 480], "the camera's own bytes were expected"
    assert simplejpeg.decode_jpeg_header(kept)[:2] == (480, 640)
    assert eye.status and eye.status.state == "STREAMING", "a hold starts and stops nothing"


@pytest.fixture(autouse=True)
def streaming(pi: VirtualPi, installed: Installed) -> None:
    """Each test begins with a device that runs."""
    pi.wait_for_ssh()
