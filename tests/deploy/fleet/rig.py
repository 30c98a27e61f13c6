"""The fleet under test: three hosts, an inventory of them, releases good and bad, and the playbooks run on them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hosts import CACHE, Host, enter, run

from lenswire.link import as_text

TREE = Path(__file__).parents[3]
DEPLOY = TREE / "deploy"
BIN = TREE / ".venv/bin"
LIMIT = 300.0

INVENTORY = """
cameras:
  hosts: {hosts}
  vars:
    ansible_user: pi
    ansible_ssh_private_key_file: {folder}/key
    ansible_ssh_common_args: -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR
    ansible_ssh_args: -o ControlMaster=auto -o ControlPersist=60s -o ConnectTimeout=3 -o ServerAliveInterval=1
    lenswire_camera_source: pattern
    lenswire_camera_size: 640x480
    lenswire_camera_fps: 30
    lenswire_gate_tries: 2
"""


@dataclass
class Rig:
    """The hosts, and the controller beside them."""

    hosts: list[Host]
    folder: Path
    releases: dict[str, Path]

    def __post_init__(self) -> None:
        hosts = {host.name: {"ansible_host": host.address} for host in self.hosts}
        (self.folder / "inventory.yml").write_text(INVENTORY.format(hosts=json.dumps(hosts), folder=self.folder))

    def play(self, playbook: str, *options: str, release: str = "1.0") -> Play:
        """Run a playbook on all hosts, with that release at hand."""
        command = [*enter(self.hosts[0].namespace), str(BIN / "ansible-playbook")]
        command += ["-i", str(self.folder / "inventory.yml"), str(DEPLOY / f"{playbook}.yml")]
        command += ["-e", f"lenswire_wheelhouse={self.releases[release]}", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=self.environment, check=False)
        (self.folder / "last-play").write_text(done.stdout + done.stderr)
        return Play(done.returncode, done.stdout + done.stderr)

    @property
    def environment(self) -> dict[str, str]:
        """The controller's own home: its address book, and ansible's files."""
        home = {"XDG_CONFIG_HOME": str(self.folder / "config"), "ANSIBLE_HOME": str(self.folder / "ansible")}
        return os.environ | home | {"ANSIBLE_CONFIG": str(DEPLOY / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}

    @property
    def book(self) -> Path:
        return self.folder / "config/lenswire/cameras.json"

    def lenswire(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command `lenswire` on the controller."""
        command = [*enter(self.hosts[0].namespace), str(BIN / "lenswire"), *arguments]
        return run(*command, check=False, env=self.environment)

    def probe(self, host: Host) -> dict[str, Any]:
        """What this machine sees of it: pictures, and the version."""
        done = self.lenswire("probe", host.name, "--seconds", "0.5", "--json")
        assert done.returncode == 0, f"{host.name}: {done.stderr}"
        return dict(json.loads(done.stdout))

    def versions(self) -> list[str]:
        """What each host streams."""
        seen = [self.probe(host) for host in self.hosts]
        assert all(one["frames"] > 2 for one in seen)
        return [one["version"] for one in seen]

    def announced(self) -> dict[str, str]:
        """Whom the controller sees on its network, as avahi on each host announces it: name -> fingerprint."""
        seen = json.loads(self.lenswire("cameras", "--json").stdout)
        assert all(camera["state"] in ("READY", "STREAMING", "STOPPED") for camera in seen if camera["in_book"])
        return {camera["name"]: camera["fingerprint"] for camera in seen if camera["on_network"]}

    def fingerprint(self, host: Host) -> str:
        """Of its certificate, as links write it."""
        certificate = (host.root / "var/lib/lenswire/certificate.pem").read_text()
        return as_text(hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).digest())

    def ssh(self, host: Host, command: str) -> str:
        """What a command prints on it, as root."""
        options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
        return host.outside("ssh", *options, "-i", self.folder / "key", f"pi@{host.address}", f"sudo {command}").stdout

    def since(self, host: Host) -> str:
        """When its service was started: the same as long as nobody touched it."""
        return self.ssh(host, "systemctl show lenswire --property=ExecMainStartTimestampMonotonic")

    def untouched(self, others: dict[str, str]) -> bool:
        """Nobody touched those since."""
        return others == {host.name: self.since(host) for host in self.hosts[1:]}


@dataclass
class Play:
    """How a playbook ended."""

    status: int
    output: str

    def recap(self, host: Host) -> dict[str, int]:
        """Ansible's counts for it; empty if it had no part in it."""
        line = re.search(rf"^{host.name} +: (.*)$", self.output, re.MULTILINE)
        return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line[1])} if line else {}


# Releases

FAULTS = {
    # dies as soon as it is started
    "2.0": ("device/service.py", 'raise RuntimeError("this release is broken on purpose")'),
    # says that it is ready, and never has a picture
    "3.0": ("device/camera/pattern.py", "Pattern.picture = None  # type: ignore[assignment, method-assign]"),
}


def wheelhouse(version: str) -> Path:
    """This tree as a release of that name, with its fault if it is to have one."""
    made = CACHE / f"fleet-wheelhouse-{version}"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("deploy", "firmware"):
            shutil.copytree(TREE / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(TREE / name, copy)
        if version in FAULTS:
            file, fault = FAULTS[version]
            with (copy / "firmware/lenswire" / file).open("a") as source:
                source.write(f"\n{fault}\n")
        script = copy / "deploy/wheelhouse.py"
        arch = os.uname().machine
        run(sys.executable, script, "--arch", arch, "--python", "3.13", "--version", version, "--to", made)
    return made
