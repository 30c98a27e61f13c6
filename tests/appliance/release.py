"""lenswire on the virtual Pi as its owner puts it there: by the playbooks of deploy/, over ssh, with no way out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from virtual_pi import BUTTON, LED, PORT, SENSOR_LED, SHUTDOWN, VirtualPi

from lenswire.link import AddressBook, Target

DEPLOY = Path(__file__).parents[2] / "deploy"
BIN = Path(sys.executable).parent
NAME = "virtual"
FIRST = "0.1"  # the release that it has at first
SETTINGS = {
    "lenswire_name": NAME,
    "lenswire_camera_source": "usb",
    "lenswire_panel_button": BUTTON,
    "lenswire_panel_led": LED,
    "lenswire_panel_sensor_led": SENSOR_LED,
    "lenswire_panel_shutdown_button": SHUTDOWN,
}
CONFIG = "/etc/lenswire/lenswire.toml"


@dataclass(frozen=True)
class Installed:
    """A disk with lenswire on it; and what its viewers know."""

    disk: Path
    fingerprint: bytes
    key: bytes

    def target(self, pi: VirtualPi) -> Target:
        return Target("127.0.0.1", pi.port, self.fingerprint, self.key, name=NAME)


class Controller:
    """The laptop that a device is provisioned from: an inventory of one, an address book, a wheelhouse."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.environment = os.environ | {
            "XDG_CONFIG_HOME": str(folder),
            "ANSIBLE_HOME": str(folder / "ansible"),
            "ANSIBLE_CONFIG": str(DEPLOY / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
        }

    def wheelhouse(self, version: str) -> Path:
        """This tree as a release of that name."""
        wheels = self.folder / f"wheelhouse-{version}"
        command = [sys.executable, DEPLOY / "wheelhouse.py", "--arch", "aarch64", "--python", "3.13"]
        subprocess.run([*command, "--version", version, "--to", wheels], check=True, stdout=sys.stderr)
        return wheels

    def begin(self, pi: VirtualPi, playbook: str, version: str, *options: str) -> subprocess.Popen[str]:
        """Begin a playbook on this device; its output is text to be read."""
        host = {
            **SETTINGS,
            "ansible_host": "127.0.0.1",
            "ansible_port": pi.ssh_port,
            "ansible_user": "pi",
            "ansible_ssh_private_key_file": str(pi.image / "id_ed25519"),
            "ansible_ssh_common_args": "-oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null -oLogLevel=ERROR",
            "lenswire_reached_port": pi.port,
        }
        inventory = self.folder / "inventory.yml"
        inventory.write_text(json.dumps({"cameras": {"hosts": {"virtualpi": host}}}))
        command = [BIN / "ansible-playbook", "-i", inventory, DEPLOY / f"{playbook}.yml"]
        command += ["-e", f"lenswire_wheelhouse={self.wheelhouse(version)}", *options]
        return subprocess.Popen(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def play(self, pi: VirtualPi, playbook: str, version: str, *options: str) -> int:
        """Run it to its good end; returns how many tasks changed something."""
        play = self.begin(pi, playbook, version, *options)
        output, _ = play.communicate(timeout=900)
        assert play.returncode == 0, output
        counts = re.search(r"^virtualpi +: .*changed=(\d+)", output, re.MULTILINE)
        assert counts, output
        return int(counts[1])

    @property
    def target(self) -> Target:
        """The device, from the address book that the playbook writes."""
        target = AddressBook(self.folder / "lenswire/cameras.json").get(NAME)
        assert target, "the playbook wrote no link into the address book"
        return target


def configure(pi: VirtualPi, **camera: str | float) -> None:
    """Change the camera's settings on a device that runs, which takes them up without a restart."""
    tables = {
        "camera": {"source": "usb", **camera},
        "server": {"listen": f":{PORT}"},
        "panel": {"button": BUTTON, "led": LED, "sensor_led": SENSOR_LED, "shutdown_button": SHUTDOWN},
    }
    lines = [f"name = {json.dumps(NAME)}"]
    for table, settings in tables.items():
        lines += [f"[{table}]", *(f"{name} = {json.dumps(value)}" for name, value in settings.items())]
    pi.ssh(f"cat >{CONFIG} && systemctl reload lenswire", stdin="\n".join([*lines, ""]).encode())
