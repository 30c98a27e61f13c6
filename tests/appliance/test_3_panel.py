"""The button and the lights, on the lines of a real gpiochip."""

from __future__ import annotations

import time
from itertools import pairwise
from statistics import median

import pytest
import simplejpeg
from eye import Eye
from gpio import spans
from usb_camera import Frames
from virtual_pi import BUTTON, SENSOR_LED, VirtualPi

from eventually import until
from lenswire.device.state import TABLE, State

NEAR = 0.06  # seconds that an emulated machine may be off a pattern's beat, in the median: now and then it stands still

SENSOR_USERS = "find /proc/[0-9]*/fd -lname /dev/video0 -printf '%p %l\\n' 2>/dev/null; true"


def check_pattern(pi: VirtualPi, state: State, seconds: float) -> None:
    """What the line does is what the table says of this state."""
    led, edges = TABLE[state].led, pi.watch_led(seconds)
    if not led.off:
        assert len(edges) == 1 and edges[0].level, f"{state}: steady on was expected, got {edges}"
        return
    on, off = spans(edges, True), spans(edges, False)
    assert on and off, f"{state}: {led.words} was expected, got {edges}"
    assert abs(median(on) - led.on) < NEAR, f"{state}: {on}"
    assert abs(median(off) - led.off) < NEAR, f"{state}: {off}"


def test_a_press_switches_the_camera_off_and_on(pi: VirtualPi, eye: Eye) -> None:
    eye.picture()
    check_pattern(pi, State.STREAMING, 2)
    assert "/dev/video0" in pi.ssh(SENSOR_USERS)
    pressed = time.monotonic()
    pi.press()
    assert eye.state("STOPPED", since=pressed) - pressed < 2
    assert eye.status and "button" in eye.status.reason
    until(lambda: not pi.led(SENSOR_LED), "the sensor's light to go out", 5)
    shown = len(eye.seen)
    check_pattern(pi, State.STOPPED, 7)
    assert len(eye.seen) == shown, "a picture from a camera that is off"
    assert not pi.ssh(SENSOR_USERS).strip(), "the sensor is still open"
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
    pi.gpio.drive(BUTTON, False)
    try:
        edges = pi.watch_led(5.0)
    finally:
        pi.gpio.drive(BUTTON, True)
    flickers = [span for span in spans(edges, False) if span < 0.12]
    assert len(flickers) >= 3, f"no flicker for a snapshot: {edges}"
    names = pi.ssh("ls /var/lib/lenswire/snapshots").split()
    assert len(names) == 1 and names[0].endswith(".jpg"), names
    kept = pi.ssh_bytes(f"cat /var/lib/lenswire/snapshots/{names[0]}")
    assert kept in frames["mjpeg", 640, 480], "the camera's own bytes were expected"
    assert simplejpeg.decode_jpeg_header(kept)[:2] == (480, 640)
    assert eye.status and eye.status.state == "STREAMING", "a hold starts and stops nothing"


@pytest.fixture(autouse=True)
def booted(pi: VirtualPi) -> None:
    pi.wait_for_ssh()
