"""A fleet of three, from fresh systems to nothing left; the tests build on each other, in this order."""

from __future__ import annotations

import contextlib
import re
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts import Host
from rig import Rig

from eventually import until

OURS = "etc", "opt", "var/lib", "usr", "home", "root", "srv"
NOT_OURS = "/.ansible", "var/lib/systemd/", "__pycache__", "etc/machine-info"


@pytest.fixture
def porch(rig: Rig) -> Host:
    return rig.hosts[0]


@pytest.fixture
def others(rig: Rig) -> dict[str, str]:
    """When the other two were started: who compares sees whether anybody touched them."""
    return {host.name: rig.since(host) for host in rig.hosts[1:]}


def untouched(rig: Rig, others: dict[str, str]) -> bool:
    return others == {host.name: rig.since(host) for host in rig.hosts[1:]}


# From fresh systems


def test_a_fresh_fleet_can_be_asked_what_would_change(rig: Rig) -> None:
    for host in rig.hosts:
        rig.ssh(host, "systemctl is-system-running --wait || true")
        before[host.name] = files(host)
    play = rig.play("site", "--check", "--diff", "--limit", "porch")
    assert play.status == 0, play.output
    assert "+RuntimeWatchdogSec=14" in play.output
    assert '+source = "pattern"' in play.output
    assert new_files(rig) == set()
    assert not rig.book.exists()


def test_the_first_run_provisions_and_no_key_is_seen_on_the_way(rig: Rig) -> None:
    with Watcher() as watcher:
        play = rig.play("site", "-vv")
    assert play.status == 0, play.output
    assert rig.versions() == ["1.0"] * 3
    assert [rig.ssh(host, "hostname").strip() for host in rig.hosts] == [host.name for host in rig.hosts]
    assert stat.S_IMODE(rig.book.stat().st_mode) == 0o600
    keys = [rig.ssh(host, "cat /var/lib/lenswire/key").strip() for host in rig.hosts]
    assert len({key for key in keys if len(key) == 64}) == 3
    assert "lenswire://" not in play.output
    assert watcher.seen > 100
    assert not watcher.links
    assert rig.announced() == {host.name: rig.fingerprint(host) for host in rig.hosts}


def test_the_second_run_changes_nothing(rig: Rig) -> None:
    since = [rig.since(host) for host in rig.hosts]
    play = rig.play("site")
    assert play.status == 0, play.output
    assert [play.recap(host)["changed"] for host in rig.hosts] == [0, 0, 0]
    assert since == [rig.since(host) for host in rig.hosts]


def test_browsers_are_served_where_they_are_wanted_within_the_service_s_bounds(rig: Rig, porch: Host) -> None:
    assert rig.ssh(porch, "ss -Hltn sport = :8881") == ""
    play = rig.play("site", "--limit", "porch", "-e", '{"lenswire_server_http": ":8881"}')
    assert play.status == 0, play.output
    key = rig.ssh(porch, "cat /var/lib/lenswire/key").strip()
    certificate = porch.root / "var/lib/lenswire/certificate.pem"
    there = ("--cacert", str(certificate), "--connect-to", f"lenswire:443:{porch.address}:8881")

    def ask(path: str, *more: str) -> str:
        return porch.outside("curl", "-s", *there, *more, f"https://lenswire/{path}").stdout

    assert ask("healthz", "-H", f"Authorization: Bearer {key}") == "frames come\n"
    assert "process_resident_memory_bytes" in ask("metrics", "-u", f"any:{key}")
    assert ask("metrics", "-w", "%{http_code}") == "401"
    assert rig.play("site", "--limit", "porch").status == 0
    assert rig.ssh(porch, "ss -Hltn sport = :8881") == ""


def test_who_does_not_want_to_be_announced_is_not(rig: Rig, porch: Host) -> None:
    play = rig.play("site", "--limit", "porch", "-e", '{"lenswire_server_announce": false}')
    assert play.status == 0, play.output
    until(lambda: "porch" not in rig.announced(), "the network to forget it")
    assert not (porch.root / "etc/avahi/services/lenswire.service").exists()
    assert rig.play("site", "--limit", "porch").status == 0
    until(lambda: "porch" in rig.announced(), "the network to know it again")


def test_it_streams_again_at_power_on(rig: Rig, porch: Host) -> None:
    porch.power_cut()
    porch.power_on()
    assert rig.probe(porch)["version"] == "1.0"
    assert "Storage=volatile" in rig.ssh(porch, "cat /etc/systemd/journald.conf.d/50-lenswire.conf")
    assert rig.ssh(porch, "systemctl show --property=RuntimeWatchdogUSec") == "RuntimeWatchdogUSec=14s\n"


def test_an_overlay_takes_one_reboot_and_only_one(rig: Rig, porch: Host) -> None:
    overlay = ("--limit", "porch", "-e", '{"board_boot_config": ["dtparam=i2c_arm=on"]}')
    booted = rig.ssh(porch, "cat /proc/sys/kernel/random/boot_id")
    play = rig.play("site", *overlay)
    assert play.status == 0, play.output
    again = rig.ssh(porch, "cat /proc/sys/kernel/random/boot_id")
    assert again != booted
    assert "[all]\ndtparam=i2c_arm=on\n# END lenswire" in (porch.root / "boot/firmware/config.txt").read_text()
    play = rig.play("site", *overlay)
    assert (play.status, play.recap(porch)["changed"]) == (0, 0)
    assert rig.probe(porch)["version"] == "1.0"


# Updates that fail, each at the first host


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
    assert untouched(rig, others)
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
    assert untouched(rig, others)


def test_a_full_disk_stops_it_before_anything_is_pushed(rig: Rig, porch: Host, others: dict[str, str]) -> None:
    with filled(rig, porch, 2):
        play = rig.play("update", release="1.1")
    assert play.status != 0
    assert "porch stays at 1.0. 1.1 failed at" in play.output
    assert re.search(r"/opt has [012] MB free", play.output)
    assert rig.versions() == ["1.0"] * 3
    assert untouched(rig, others)


def test_a_disk_that_fills_up_in_the_middle_harms_nothing(rig: Rig, porch: Host, others: dict[str, str]) -> None:
    with filled(rig, porch, 200):
        play = rig.play("update", "-e", "lenswire_needed_mb=0", release="1.1")
    assert play.status != 0
    assert "no space left on device" in play.output.lower()
    assert rig.ssh(porch, "find /opt/lenswire/releases /opt/lenswire/incoming -maxdepth 1 -name '[!ri]*'").split() == [
        "/opt/lenswire/releases/1.0"
    ]
    assert rig.versions() == ["1.0"] * 3
    assert untouched(rig, others)


def test_settings_that_show_no_pictures_are_taken_back(rig: Rig, porch: Host, others: dict[str, str]) -> None:
    play = rig.play("site", "-e", "lenswire_camera_source=usb", "-e", "lenswire_gate_tries=1")
    assert play.status != 0
    assert "porch stays at 1.0" in play.output
    assert 'source = "pattern"' in rig.ssh(porch, "cat /etc/lenswire/lenswire.toml")
    assert rig.versions() == ["1.0"] * 3
    assert untouched(rig, others)


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


# Updates that do not


def test_an_unreachable_host_in_the_middle_stops_it_there(rig: Rig, others: dict[str, str]) -> None:
    rig.hosts[1].unplug(True)
    try:
        play = rig.play("update", release="1.1")
    finally:
        rig.hosts[1].unplug(False)
    assert play.status != 0
    assert rig.versions() == ["1.1", "1.0", "1.0"]
    assert untouched(rig, others)


def test_an_update_goes_on_where_it_was_stopped(rig: Rig, porch: Host) -> None:
    since = rig.since(porch)
    play = rig.play("update", release="1.1")
    assert play.status == 0, play.output
    assert rig.versions() == ["1.1"] * 3
    assert play.recap(porch)["changed"] == 0
    assert rig.since(porch) == since


def test_it_is_still_the_new_one_at_power_on(rig: Rig, porch: Host) -> None:
    porch.power_cut()
    porch.power_on()
    assert rig.versions() == ["1.1"] * 3


def test_the_table_shows_every_host(rig: Rig, porch: Host) -> None:
    rig.lenswire("stop", "gate")
    rig.hosts[2].unplug(True)
    try:
        play = rig.play("status")
    finally:
        rig.hosts[2].unplug(False)
        rig.lenswire("start", "gate")
    print(play.output)
    rows = {
        line.split()[0]: line.split() for line in play.output.splitlines() if line[:8] == " " * 8 and line[8] != " "
    }
    assert rows["porch"][1:4] == ["1.1", "STREAMING", "test"]
    assert rows["gate"][1:3] == ["1.1", "STOPPED"]
    assert "no ssh" in " ".join(rows["attic"])


def test_rollback(rig: Rig) -> None:
    play = rig.play("rollback")
    assert play.status == 0, play.output
    assert rig.versions() == ["1.0"] * 3
    assert [rig.ssh(host, "ls /opt/lenswire/releases").split() for host in rig.hosts] == [["1.0", "1.1"]] * 3


def test_new_keys_lock_out_the_old(rig: Rig, porch: Host) -> None:
    old = rig.book.read_text()
    play = rig.play("rotate-keys")
    assert play.status == 0, play.output
    assert rig.versions() == ["1.0"] * 3
    new = rig.book.read_text()
    assert rig.announced() == {host.name: rig.fingerprint(host) for host in rig.hosts}
    rig.book.write_text(old)
    refused = [rig.lenswire("probe", host.name).returncode for host in rig.hosts]
    rig.book.write_text(new)
    assert refused == [1, 1, 1]


def test_uninstalled_nothing_is_left(rig: Rig) -> None:
    play = rig.play("uninstall")
    assert play.status == 0, play.output
    assert new_files(rig) == set()
    assert (rig.hosts[0].root / "boot/firmware/config.txt").read_text() == "arm_64bit=1\n"
    assert rig.ssh(rig.hosts[0], "ls -d /opt/lenswire /etc/lenswire /var/lib/lenswire 2>/dev/null || true") == ""
    assert rig.announced() == {}
    assert rig.lenswire("cameras").stdout.endswith("is empty, and no camera was found on the network\n")
    assert rig.ssh(rig.hosts[0], "getent passwd lenswire || true; getent group lenswire gpio || true") == ""


@contextlib.contextmanager
def filled(rig: Rig, host: Host, megabytes: int) -> Iterator[None]:
    """A disk with so much left."""
    free = int(rig.ssh(host, "df --output=avail --block-size=1M /").split()[-1])
    rig.ssh(host, f"fallocate --length {free - megabytes}M /fill")
    try:
        yield
    finally:
        rig.ssh(host, "rm /fill")


before: dict[str, set[str]] = {}


def new_files(rig: Rig) -> set[str]:
    """What is on any of the hosts and was not there at first."""
    return {path for host in rig.hosts for path in files(host) - before[host.name]}


def files(host: Host) -> set[str]:
    """Everything that a playbook might leave behind, but what the system and Ansible keep for themselves.

    machine-info belongs to the host name, which stays.
    """
    everything = (path for top in OURS for path in (host.root / top).rglob("*"))
    found = (str(path.relative_to(host.root)) for path in everything if path.is_symlink() or not path.is_dir())
    return {path for path in found if not any(word in path for word in NOT_OURS)}


class Watcher:
    """Reads the list of processes as fast as it can, for links with a key in them."""

    def __init__(self) -> None:
        self.links: set[str] = set()
        self.seen = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    line = process.read_bytes()
                except OSError:
                    continue
                self.seen += 1
                if b"lenswire://" in line:
                    self.links.add(line.decode())
