"""Updates that fail, each at the first host, which stays as it is."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator

import pytest
from hosts import Host
from rig import Rig

from eventually import until


@pytest.mark.parametrize(
    ("release", "reason"),
    [("2.0", "RuntimeError: this release is broken on purpose"), ("3.0", "it is FAULT")],
    ids=["it cannot start", "it starts and shows no pictures"],
)
def test_a_bad_release_is_stopped_at_the_first_host(
    rig: Rig, porch: Host, others: dict[str, str], release: str, reason: str
) -> None:
    play = rig.play("update", "-e", "lenswire_gate_tries=1", release=release)
    assert play.status != 0
    assert f"porch stays at 1.0. {release} failed at" in play.output
    assert reason in play.output
    assert [bool(play.recap(host)) for host in rig.hosts] == [True, False, False]
    assert rig.versions() == ["1.0"] * 3
    assert rig.untouched(others)
    assert rig.ssh(porch, "ls /opt/lenswire/releases") == "1.0\n"


def test_a_host_that_is_unreachable_stops_it(rig: Rig, porch: Host, others: dict[str, str]) -> None:
    porch.unplug(True)
    try:
        play = rig.play("update", release="1.1")
    finally:
        porch.unplug(False)
    assert play.status != 0
    assert play.recap(porch)["unreachable"] == 1
    assert [bool(play.recap(host)) for host in rig.hosts[1:]] == [False, False]
    assert rig.versions() == ["1.0"] * 3
    assert rig.untouched(others)


def test_a_full_disk_stops_it_before_anything_is_pushed(rig: Rig, porch: Host, others: dict[str, str]) -> None:
    with filled(rig, porch, 2):
        play = rig.play("update", release="1.1")
    assert play.status != 0
    assert "porch stays at 1.0. 1.1 failed at" in play.output
    assert re.search(r"/opt has [012] MB free", play.output)
    assert rig.versions() == ["1.0"] * 3
    assert rig.untouched(others)


def test_a_disk_that_fills_up_in_the_middle_harms_nothing(rig: Rig, porch: Host, others: dict[str, str]) -> None:
    with filled(rig, porch, 200):
        play = rig.play("update", "-e", "lenswire_needed_mb=0", release="1.1")
    assert play.status != 0
    assert "no space left on device" in play.output.lower()
    assert rig.ssh(porch, "find /opt/lenswire/releases /opt/lenswire/incoming -maxdepth 1 -name '[!ri]*'").split() == [
        "/opt/lenswire/releases/1.0"
    ]
    assert rig.versions() == ["1.0"] * 3
    assert rig.untouched(others)


def test_settings_that_show_no_pictures_are_taken_back(rig: Rig, porch: Host, others: dict[str, str]) -> None:
    play = rig.play("site", "-e", "lenswire_camera_source=usb", "-e", "lenswire_gate_tries=1")
    assert play.status != 0
    assert "porch stays at 1.0" in play.output
    assert 'source = "pattern"' in rig.ssh(porch, "cat /etc/lenswire/lenswire.toml")
    assert rig.versions() == ["1.0"] * 3
    assert rig.untouched(others)


def test_a_power_cut_in_the_middle_harms_nothing(rig: Rig, porch: Host) -> None:
    def cut() -> None:
        until((porch.root / "opt/lenswire/releases/1.1/bin").exists, "the installation")
        porch.power_cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    assert rig.play("update", release="1.1").status != 0
    cutter.join()
    porch.power_on()
    assert rig.ssh(porch, "ls /opt/lenswire/releases").split() == ["1.0", "1.1"]
    assert rig.versions() == ["1.0"] * 3


@contextlib.contextmanager
def filled(rig: Rig, host: Host, megabytes: int) -> Iterator[None]:
    """A disk with so much left."""
    free = int(rig.ssh(host, "df --output=avail --block-size=1M /").split()[-1])
    rig.ssh(host, f"fallocate --length {free - megabytes}M /fill")
    try:
        yield
    finally:
        rig.ssh(host, "rm /fill")
