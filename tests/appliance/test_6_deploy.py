"""The playbooks on a device that is provisioned: nothing to do, a new release, and back; all outlives the power."""

from __future__ import annotations

from eye import Eye
from release import FIRST, Controller, Installed
from usb_camera import Frames
from virtual_pi import SHUTDOWN, VirtualPi

from eventually import until

NEXT = "0.2"


def test_the_second_run_changes_nothing(pi: VirtualPi, controller: Controller, eye: Eye) -> None:
    controller.play(pi, "site", FIRST)  # what other tests did by hand is put right
    eye.picture()
    connections = eye.statistics.reconnects
    assert controller.play(pi, "site", FIRST) == 0
    assert eye.statistics.reconnects == connections, "the service was disturbed"


def test_a_release_and_the_way_back_outlive_the_power(
    pi: VirtualPi, controller: Controller, installed: Installed, frames: Frames
) -> None:
    assert controller.play(pi, "update", NEXT) > 0
    assert streams(pi, installed) == NEXT
    pi.power_cut()
    pi.power_on()
    pi.plug_camera(frames)
    assert streams(pi, installed) == NEXT
    assert controller.play(pi, "rollback", NEXT) > 0
    assert streams(pi, installed) == FIRST
    # The last reboot is its owner's, who wants to unplug it: it shuts down in order, by its button alone.
    pi.press(SHUTDOWN, seconds=6)
    pi.wait_for_off()
    pi.power_on()
    pi.plug_camera(frames)
    assert streams(pi, installed) == FIRST


def streams(pi: VirtualPi, installed: Installed) -> str:
    """Which version it is that shows pictures."""
    eye = Eye(installed.target(pi))
    try:
        eye.picture(limit=240)
        until(lambda: eye.status, "its status", 10)
        assert eye.status
        return eye.status.version
    finally:
        eye.stop()
