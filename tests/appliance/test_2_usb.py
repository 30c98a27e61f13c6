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


def test_auto_takes_the_camera_that_comes_late(pi: VirtualPi, frames: Frames, say: Callable[[str], None]) -> None:
    """As it is when a camera is slow at power-on, and no source was named."""
    log = "/tmp/auto.log"
    serve = "lenswire serve --source auto --listen 127.0.0.1:9999 --state-dir /tmp/auto"

    def said(words: str) -> str:
        return until(lambda: pi.ssh(f"grep '{words}' {log}", check=False), lambda: pi.ssh(f"cat {log}"), 120)

    pi.wait_for_ssh()
    pi.ssh("systemctl stop lenswire")
    pi.unplug_camera()
    try:
        pi.ssh(f"({serve} >{log} 2>&1 & echo $! >/tmp/auto.pid)")
        said("= camera: .*(no camera found)")
        plugged = time.monotonic()
        pi.plug_camera(frames)
        said("= camera: Virtual USB Camera")
        say(f"the camera is taken {time.monotonic() - plugged:.1f} s after plugging in, in the place of the stand-in")
    finally:
        pi.ssh("kill $(cat /tmp/auto.pid)", check=False)
        if not pi.camera:
            pi.plug_camera(frames)
        pi.ssh("systemctl start lenswire")


def _seconds(values: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values) + " s"
