"""Machines of a home network, made of namespaces: each has a network and a /run and /etc/avahi of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from real_device import LIMIT

from eventually import until

AVAHI = """
[server]
host-name={name}
enable-dbus={dbus}
[publish]
publish-workstation=no
"""


class Host:
    """One of them; it ends with `close`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder / name
        self.folder.mkdir()
        self._processes = [subprocess.Popen(["unshare", "--net", "--mount", "--propagation=private", "sleep", "1000"])]
        self._first = self._processes[0].pid
        namespace = Path(f"/proc/{self._first}/ns/mnt")
        until(lambda: namespace.readlink() != Path("/proc/self/ns/mnt").readlink(), "the namespaces")
        self.run(
            "sh", "-c", "mount -t tmpfs run /run; mount -t tmpfs etc /etc/avahi; mkdir /etc/avahi/services /run/dbus"
        )
        self.run("ip", "link", "set", "lo", "up")

    def plug(self, other: Host, ours: str, theirs: str) -> None:
        """A cable to another one."""
        subprocess.run(
            [
                *("ip", "link", "add", other.name, "netns", str(self._first), "type", "veth"),
                *("peer", "name", self.name, "netns", str(other._first)),
            ],
            check=True,
        )
        for host, interface, address in ((self, other.name, ours), (other, self.name, theirs)):
            host.run("ip", "address", "add", f"{address}/24", "dev", interface)
            host.run("ip", "link", "set", interface, "up")

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A program, to its end."""
        done = subprocess.run(
            self._inside(*command), capture_output=True, text=True, timeout=LIMIT, env=self._environment
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """A program that goes on; what it says is in `log`."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(self._inside(*command), stdout=log, stderr=log, env=self._environment)
        self._processes.append(process)
        return process

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start_avahi(self, dbus: bool = False) -> None:
        """Debian's avahi; with D-Bus for who wants to ask it."""
        if dbus:
            self.start("dbus-daemon", "--system", "--nofork", "--nopidfile")
            until(lambda: self.run("test", "-S", "/run/dbus/system_bus_socket", check=False).returncode == 0, "D-Bus")
        config = self.folder / "avahi-daemon.conf"
        config.write_text(AVAHI.format(name=self.name, dbus="yes" if dbus else "no"))
        self.start("avahi-daemon", "--no-drop-root", "--no-chroot", "--no-rlimits", f"--file={config}")
        until(lambda: self.run("test", "-S", "/run/avahi-daemon/socket", check=False).returncode == 0, "avahi")

    def lenswire(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command line."""
        return self.run(*self.command(*arguments), check=False)

    def command(self, *arguments: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "lenswire.cli", *arguments)

    def close(self) -> None:
        """All its processes end, the last started first."""
        for process in reversed(self._processes):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            process.wait(LIMIT)

    def _inside(self, *command: str) -> list[str]:
        return ["nsenter", f"--target={self._first}", "--net", "--mount", *command]

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "XDG_CONFIG_HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder)}


@contextlib.contextmanager
def hosts(folder: Path, *names: str) -> Iterator[list[Host]]:
    """So many of them."""
    with contextlib.ExitStack() as stack:
        made = []
        for name in names:
            made.append(Host(name, folder))
            stack.callback(made[-1].close)
        yield made
