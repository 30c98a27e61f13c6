"""From fresh systems to a fleet that streams; the fleet's tests build on each other, in this order."""

from __future__ import annotations

import stat

from hosts import Host
from rig import Rig
from traces import Watcher, before, files, new_files

from eventually import until


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
    assert [rig.ssh(host, "lenswire --version").strip() for host in rig.hosts] == ["lenswire 1.0"] * 3
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
