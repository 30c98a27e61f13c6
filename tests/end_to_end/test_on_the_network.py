"""Who is on the network: two devices, one announced by itself and one by avahi, and a laptop between them."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from home_network import Host, hosts

from eventually import until
from lenswire.viewer.neighbours import MOST
from programs import need

PORCH, GATE, NOBODY = "10.89.1.2", "10.89.2.2", "10.89.1.77"


class Home(NamedTuple):
    porch: Host
    gate: Host
    laptop: Host

    def link(self, host: Host, address: str) -> str:
        """Its link, wherever it is said to be."""
        return host.lenswire("pair", "--host", address).stdout.strip()

    def pair(self, host: Host, address: str) -> None:
        assert self.laptop.lenswire("cameras", "add", self.link(host, address), "--name", host.name).returncode == 0

    def browse(self) -> dict[str, list[str]]:
        """What avahi sees: name -> address, port and texts. Nothing while it is not ready."""
        command = "avahi-browse", "--resolve", "--parsable", "--terminate", "_lenswire._tcp"
        lines = self.laptop.run(*command, check=False).stdout
        found = [line.split(";") for line in lines.splitlines() if line.startswith("=;")]
        return {one[3]: [*one[7:9], *sorted(one[9].split())] for one in found if one[2] == "IPv4"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    need("avahi-daemon", "avahi-browse", "dbus-daemon", "ip", "nsenter", "unshare")
    if os.geteuid():
        pytest.skip("needs root, for network namespaces")
    with hosts(tmp_path_factory.mktemp("home"), "porch", "gate", "laptop") as (porch, gate, laptop):
        laptop.plug(porch, "10.89.1.1", PORCH)
        laptop.plug(gate, "10.89.2.1", GATE)
        porch.start(*porch.command(*serve(porch)))
        gate.start_avahi()
        serving = gate.command(*serve(gate))
        service = gate.run(*gate.command("pair", "--avahi", "--config", f"{gate.folder}/lenswire.toml")).stdout
        gate.start(*serving)
        until(lambda: "avahi would announce it" in gate.log.read_text(), "a word of who announces it")
        gate.run("sh", "-c", 'printf %s "$0" >/etc/avahi/services/lenswire.service', service)
        laptop.start_avahi(dbus=True)
        yield Home(porch, gate, laptop)


def serve(host: Host) -> tuple[str, ...]:
    config = host.folder / "lenswire.toml"
    config.write_text(
        f'name = "{host.name}"\n[camera]\nsource = "pattern"\nsize = "320x240"\n[server]\nlisten = ":8880"'
    )
    return "serve", "--config", str(config)


def test_avahi_sees_both(home: Home) -> None:
    seen = until(lambda: len(found := home.browse()) == 2 and found, "both announcements")
    for host, address in ((home.porch, PORCH), (home.gate, GATE)):
        fingerprint = home.link(host, address).rpartition("/")[2]
        assert seen[host.name] == [address, "8880", f'"fingerprint={fingerprint}"', '"protocol=2"', '"tls=1"']
    until(lambda: "announced on the network: porch at" in home.porch.log.read_text(), "its word in the log")
    log = home.gate.log.read_text()
    assert "'lenswire pair --avahi' prints what belongs into /etc/avahi/services/lenswire.service" in log
    assert "announced on the network" not in log


def test_a_paired_camera_is_found_where_it_is_now(home: Home) -> None:
    home.pair(home.porch, NOBODY)
    porch, gate = json.loads(home.laptop.lenswire("cameras", "--json").stdout)
    assert (porch["name"], porch["address"], porch["state"]) == ("porch", f"{PORCH}:8880", "READY")
    assert (porch["in_book"], porch["on_network"], porch["paired"]) == (True, True, True)
    assert (gate["name"], gate["state"], gate["in_book"]) == ("gate", "NOT_PAIRED", False)


def test_another_camera_at_its_old_address_is_not_taken_for_it(home: Home) -> None:
    home.pair(home.porch, GATE)
    done = home.laptop.lenswire("status", "porch", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["device"] == "porch"


def test_who_announces_hundreds_hides_nobody_and_holds_nobody_up(home: Home) -> None:
    home.pair(home.porch, NOBODY)
    flood = home.gate.start(sys.executable, str(Path(__file__).with_name("flood.py")), GATE)
    begun = time.monotonic()
    seen = json.loads(home.laptop.lenswire("cameras", "--json").stdout)
    took = time.monotonic() - begun
    flood.kill()
    assert (seen[0]["name"], seen[0]["address"], seen[0]["state"]) == ("porch", f"{PORCH}:8880", "READY")
    assert 10 < len(seen) <= 1 + MOST
    assert all(camera["name"].isprintable() for camera in seen)
    assert took < 10.0
