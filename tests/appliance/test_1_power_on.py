"""Power is supplied, and nothing else is done: it streams."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable

from eye import Eye
from release import Installed
from usb_camera import Frames
from virtual_pi import LED, SENSOR_LED, VirtualPi

from eventually import until

Say = Callable[[str], None]


def test_it_streams_by_itself(pi: VirtualPi, eye: Eye, frames: Frames, say: Say) -> None:
    """The viewer waits from before there is power; nobody logs in."""
    first = eye.picture("the first picture", limit=240)
    say(f"first picture at the viewer {first.at - pi.powered_on_at:.1f} s after power-on")
    eye.state("STREAMING")
    until(lambda: pi.led(LED) and pi.led(SENSOR_LED), "the LED and the sensor's light", 35)
    # uvcvideo takes the frames from the middle of the stream at first; from then on they are the camera's own bytes.
    seen = [eye.picture().jpeg for _ in range(10)]
    assert all(picture in frames["mjpeg", 640, 480] for picture in seen)
    assert eye.status and (eye.status.encoder, eye.status.width, eye.status.height) == ("camera JPEG", 640, 480)


def test_probe_sees_pictures(pi: VirtualPi, installed: Installed) -> None:
    command = [sys.executable, "-m", "lenswire.cli", "probe", installed.target(pi).link, "--seconds", "3", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["width"], seen["height"], seen["tls"], seen["state"]) == (640, 480, True, "STREAMING")
    assert seen["frames"] > 20 and seen["age_ms"]["p50"] < 500


def test_the_service_is_not_what_takes_the_time(pi: VirtualPi, say: Say) -> None:
    """Seconds since the kernel's start, by the journal; beside what systemd says of the rest."""
    pi.wait_for_ssh()
    journal = pi.ssh("journalctl -b -o short-monotonic --no-hostname -u lenswire -u ssh")
    at = {
        words: float(match[1])
        for words in ("Starting lenswire", "listens on", "= camera:", "Started ssh")
        if (match := re.search(rf"\[ *([0-9.]+)\][^\n]*{words}", journal))
    }
    assert {"Starting lenswire", "listens on", "= camera:"} <= set(at), journal
    say("seconds since the kernel's start: " + ", ".join(f"{words} {seconds:.1f}" for words, seconds in at.items()))
    chain = pi.ssh("systemd-analyze; systemd-analyze critical-chain lenswire.service; systemd-analyze blame | head -5")
    for line in chain.splitlines():
        say(line)
    assert pi.ssh("systemctl is-system-running", check=False).strip() in ("running", "degraded")
    assert not pi.ssh("systemctl list-units --failed --plain --no-legend").strip()
