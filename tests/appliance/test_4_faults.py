"""What a service and a network do to a device."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from eye import Eye
from screen import Screen
from virtual_pi import VirtualPi

from eventually import until

Say = Callable[[str], None]
AWAY = 20.0  # seconds without a network
BACK = 2.0  # seconds for the picture to go on


def test_a_service_that_hangs_is_started_again(pi: VirtualPi, eye: Eye, say: Say) -> None:
    eye.picture()
    pi.wait_for_ssh()
    before = pi.ssh("systemctl show lenswire -p MainPID --value").strip()
    pi.ssh("systemctl kill -s STOP lenswire")
    stopped = time.monotonic()
    connections = eye.statistics.reconnects
    until(lambda: eye.statistics.reconnects > connections, "the service to come back", 90)
    back = eye.picture("a picture of the service started again").at
    say(f"a service stopped in its tracks streams again after {back - stopped:.1f} s (its watchdog waits 15 s)")
    assert pi.ssh("systemctl show lenswire -p MainPID --value").strip() != before
    assert "atchdog timeout" in pi.ssh("journalctl -b -u lenswire --no-pager")


def test_the_network_goes_and_comes_back(pi: VirtualPi, eye: Eye, screen: Screen, say: Say, tmp_path: Path) -> None:
    """The window says that its picture is old; the picture goes on by itself, and nothing was started anew."""
    pi.wait_for_ssh()
    before = pi.ssh("systemctl show lenswire -p MainPID --value")
    screen.show(eye.target)
    eye.picture()
    until(lambda: screen.live, "the window to be live", 30)
    pi.link_down()
    try:
        down = time.monotonic()
        until(lambda: screen.stale, "the window to say that its picture is old", 5)
        say(f"the window says NOT LIVE {time.monotonic() - down:.1f} s after the network went")
        screen.save(tmp_path / "not-live.png")
        time.sleep(max(0.0, down + AWAY - time.monotonic()))
        assert eye.seen[-1].at - down < 0.5, "pictures without a network"
    finally:
        pi.link_up()
    up = time.monotonic()
    back = eye.picture("a picture over the network that is back", limit=30)
    say(f"the picture goes on {back.at - up:.2f} s after the network is back, {back.age * 1e3:.0f} ms old")
    until(lambda: screen.live, "the window to be live again", 10)
    assert back.at - up < BACK
    assert back.age < 1.0, "an old picture was shown first"
    assert pi.ssh("systemctl show lenswire -p MainPID --value") == before


def test_doctor_tells_the_truth(pi: VirtualPi, say: Say) -> None:
    """About the machine that it runs on, which is known here; asked by its owner, who logs in as pi."""
    pi.ssh("systemctl stop lenswire")
    try:
        page = pi.ssh("lenswire doctor", user="pi", check=False)
    finally:
        pi.ssh("systemctl start lenswire")
    for line in page.splitlines():
        say(line)
    kernel, python = pi.ssh("uname -r").strip(), pi.ssh("python3 -V").split()[-1]
    for truth in (
        r"Raspberry Pi 4 Model B Rev 1\.1",
        rf"Debian GNU/Linux 13 .*kernel {re.escape(kernel)} aarch64",
        rf"Python {re.escape(python)}",
        r"picamera2 0\.3\.38",
        r"lgpio 0\.2\.2",
        r"button GPIO 2, LED GPIO 4, shutdown button GPIO 6, sensor LED GPIO 5",
        r"gpiochip0",
        r"Virtual USB Camera",
        r"640x480",
        r"camera JPEG",
        r"(2[5-9]|3[0-5])\.\d fps captured",
    ):
        assert re.search(truth, page), f"{truth} is not on the page"
    assert "for this user" not in page
