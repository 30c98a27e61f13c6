"""Updates that do not fail, and the way back; then nothing is left."""

from __future__ import annotations

from hosts import Host
from rig import Rig
from traces import new_files


def test_an_unreachable_host_in_the_middle_stops_it_there(rig: Rig, others: dict[str, str]) -> None:
    rig.hosts[1].unplug(True)
    try:
        play = rig.play("update", release="1.1")
    finally:
        rig.hosts[1].unplug(False)
    assert play.status != 0
    assert rig.versions() == ["1.1", "1.0", "1.0"]
    assert rig.untouched(others)


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
