"""The power is cut, again and again, while it streams and while it writes."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import simplejpeg
from eye import Eye
from release import Installed
from usb_camera import Frames
from virtual_pi import VirtualPi

from eventually import until
from lenswire.messages import Verb

CUTS = int(os.environ.get("CUTS", "20"))
# Two machines side by side, each with one processor: two cores do that in less time than one machine after another.
MACHINES = 2
LIMIT = 240.0


def test_it_always_comes_back(
    image: Path, installed: Installed, folder: Path, frames: Frames, pi: VirtualPi, say: Callable[[str], None]
) -> None:
    """Each time it boots, streams, and is still the device that its viewers know: certificate, key and config."""
    pi.power_cut()  # the machine of the other tests: it is not needed any more, and its processor is

    def one(number: int) -> str:
        cuts = CUTS // MACHINES + (number < CUTS % MACHINES)
        pi = VirtualPi(image, installed.disk, folder / f"cut{number}", cpus=1)
        try:
            return cut_again_and_again(pi, installed, frames, cuts, random.Random(number))
        finally:
            pi.close()

    with ThreadPoolExecutor(MACHINES) as machines:
        for words in machines.map(one, range(MACHINES)):
            say(words)


def cut_again_and_again(pi: VirtualPi, installed: Installed, frames: Frames, cuts: int, random: random.Random) -> str:
    before, took, asked = "", [], 0
    for cut in range(cuts + 1):
        pi.power_on()
        pi.plug_camera(frames)
        eye = Eye(installed.target(pi))  # refuses another certificate, and is refused with another key
        try:
            took.append(eye.picture(f"a picture after {cut} cuts", limit=LIMIT).at - pi.powered_on_at)
            if cut in (0, cuts):
                pi.wait_for_ssh()
                before = check(pi, before)
            if cut < cuts:
                asked += write_until_the_end(pi, eye, random.uniform(0.0, 3.0))
        finally:
            eye.stop()
    return (
        f"{cuts} power cuts: a picture {median(took):.1f} s after power-on (median; {max(took):.1f} at most); "
        f"{asked} snapshots were being written"
    )


def write_until_the_end(pi: VirtualPi, eye: Eye, seconds: float) -> int:
    """Snapshots, one upon the other, until the power goes."""
    end, asked = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        eye.command(Verb.SNAPSHOT)
        asked += 1
        time.sleep(min(0.1, max(0.0, end - time.monotonic())))
    pi.power_cut()
    return asked


def check(pi: VirtualPi, before: str) -> str:
    """What must survive is as it was, what was kept is whole, and the disk has no fault. Returns what must survive."""
    lasting = pi.ssh("cd / && sha256sum var/lib/lenswire/key var/lib/lenswire/*.pem etc/lenswire/lenswire.toml")
    assert before in ("", lasting)
    names = pi.ssh("ls /var/lib/lenswire/snapshots 2>/dev/null || true").split()
    for name in [name for name in names if name.endswith(".jpg")][-20:]:
        kept = pi.ssh_bytes(f"cat /var/lib/lenswire/snapshots/{name}")
        assert simplejpeg.decode_jpeg(kept).shape == (480, 640, 3), f"{name} is damaged: {len(kept)} bytes"
    assert "error" not in pi.ssh("dmesg | grep -i ext4").lower()
    assert until(lambda: pi.ssh("systemctl is-active lenswire", check=False).strip() == "active", "the service", 20)
    return lasting
