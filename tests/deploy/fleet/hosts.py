"""Hosts on this machine: Debian trixie with systemd as the first process and sshd, each in namespaces of its own.

Nothing of them is emulated, so they are fast; nothing of them reaches this machine's network: they, and whoever talks
to them, live in a network namespace with a bridge that leads nowhere. Their disks are small and in memory, and can be
full.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eventually import until

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lenswire"
PACKAGES = (
    "systemd,systemd-sysv,dbus,libpam-systemd,polkitd,openssh-server,sudo,python3,iproute2,procps,"
    "systemd-timesyncd,avahi-daemon,unattended-upgrades"
)
# As Raspberry Pi OS is delivered: a user pi that may do all with sudo, and sshd.
CUSTOMIZE = """
chroot "$1" useradd --create-home --shell /bin/bash --groups sudo,video pi
echo 'pi ALL=(ALL) NOPASSWD: ALL' >"$1/etc/sudoers.d/pi"
install -d "$1/home/pi/.ssh"
chroot "$1" chown pi:pi /home/pi/.ssh
rm -f "$1/etc/machine-id" "$1/etc/hostname"
chroot "$1" systemctl enable systemd-networkd ssh
chroot "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer getty.target console-getty.service
"""
NETWORK = "10.88.0"  # of a namespace: it is nobody's but ours
DISK = "1400M"
LIMIT = 60.0
REBOOT = 133


def run(*command: str | Path, check: bool = True, **options: object) -> subprocess.CompletedProcess[str]:
    """A program; what it said is in the failure."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done  # type: ignore[no-any-return]


def enter(namespace: str) -> list[str]:
    """Before a command: it sees that network. (`ip netns exec` would hide the control groups that systemd needs.)"""
    return ["nsenter", f"--net=/run/netns/{namespace}"]


def tree() -> Path:
    """The system that every host begins with, made once and kept outside the repository."""
    recipe = hashlib.sha256((PACKAGES + CUSTOMIZE).encode()).hexdigest()[:12]
    made = CACHE / f"fleet-tree-{recipe}"
    if not made.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        print("making the hosts' system, which takes a minute ...", file=sys.stderr)
        draft = Path(f"{made}.new")
        shutil.rmtree(draft, ignore_errors=True)
        packages, hook = f"--include={PACKAGES}", f"--customize-hook={CUSTOMIZE}"
        run("mmdebstrap", "--quiet", "--variant=minbase", packages, hook, "trixie", draft)
        draft.rename(made)
    return made


@dataclass
class Host:
    """One of them: its folders, and its first process."""

    name: str
    number: int
    folder: Path
    namespace: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{NETWORK}.{self.number}"

    @property
    def group(self) -> Path:
        """Its control group."""
        mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
        return Path(next(where for _, where, kind, *_ in mounts if kind == "cgroup2")) / f"{self.namespace}-{self.name}"

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def make(self, lower: Path, public_key: str) -> None:
        """Lay a small disk over the system."""
        disk = self.folder / "disk"
        for folder in (disk, self.root):
            folder.mkdir(parents=True)
        run("mount", "-t", "tmpfs", "-o", f"size={DISK}", f"lenswire-{self.name}", disk)
        (disk / "upper").mkdir()
        (disk / "work").mkdir()
        layers = f"lowerdir={lower},upperdir={disk}/upper,workdir={disk}/work"
        run("mount", "-t", "overlay", "-o", layers, f"lenswire-{self.name}", self.root)
        self.write("etc/hostname", "raspberrypi\n")
        self.write("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 raspberrypi\n")
        self.write("boot/firmware/config.txt", "arm_64bit=1\n")
        network = f"[Match]\nName=host0\n[Network]\nAddress={self.address}/24\nLinkLocalAddressing=no\n"
        self.write("etc/systemd/network/10-fleet.network", network)
        self.write("home/pi/.ssh/authorized_keys", public_key)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def power_on(self) -> None:
        """Start it, and wait until sshd listens."""
        self.start()
        threading.Thread(target=self.attend, daemon=True).start()
        until(lambda: self.connects(22), f"{self.name} to listen; see {self.folder}/console")

    def attend(self) -> None:
        """Start it again as often as it reboots, which is what nspawn means by this status."""
        while (process := self.process) and process.wait() == REBOOT:
            self.start()

    def start(self) -> None:
        nspawn = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", f"--machine={self.name}", "--boot"]
        nspawn += [f"--directory={self.root}", "--network-bridge=fleet", "--resolv-conf=off", "--console=pipe"]
        self.group.mkdir(exist_ok=True)
        # It is in its own control group before it begins: what systemd does to its groups must not meet another's.
        within = ["sh", "-c", 'echo $$ >"$0/cgroup.procs"; exec "$@"', str(self.group)]
        with (self.folder / "console").open("ab") as console:
            self.process = subprocess.Popen(
                [*within, *enter(self.namespace), *nspawn],
                env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )

    def connects(self, port: int) -> bool:
        dial = f"import socket; socket.create_connection(('{self.address}', {port}), 1)"
        return self.outside(sys.executable, "-c", dial, check=False).returncode == 0

    def power_cut(self) -> None:
        """All its processes end at once, wherever they are."""
        if self.process:
            # All but nspawn, which then ends by itself and takes away what it made.
            process, self.process = self.process, None
            (self.group / "payload/cgroup.kill").write_text("1")
            process.wait(LIMIT)
            for group in sorted(self.group.rglob("*/"), reverse=True):
                group.rmdir()
            self.group.rmdir()

    def unplug(self, unplugged: bool) -> None:
        """Its network cable."""
        self.outside("ip", "link", "set", f"vb-{self.name}", "down" if unplugged else "up")

    def outside(self, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """On the controller, which is on the same wire."""
        return run(*enter(self.namespace), *command, check=check)

    def destroy(self) -> None:
        self.power_cut()
        for mounted in (self.root, self.folder / "disk"):
            run("umount", "--lazy", mounted, check=False)


@contextlib.contextmanager
def fleet(names: list[str], folder: Path) -> Iterator[list[Host]]:
    """The hosts, powered on; with them a key for ssh, `folder/key`."""
    namespace = f"lenswire-{os.getpid()}"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key")
    run("ip", "netns", "add", namespace)
    hosts = [Host(name, number, folder / name, namespace) for number, name in enumerate(names, 11)]
    try:
        lower = tree()
        outside = hosts[0].outside
        outside("ip", "link", "set", "lo", "up")
        outside("ip", "link", "add", "fleet", "type", "bridge")
        outside("ip", "address", "add", f"{NETWORK}.1/24", "dev", "fleet")
        outside("ip", "link", "set", "fleet", "up")
        for host in hosts:
            host.make(lower, (folder / "key.pub").read_text())
            host.power_on()
        yield hosts
    finally:
        for host in hosts:
            host.destroy()
        run("ip", "netns", "delete", namespace, check=False)
