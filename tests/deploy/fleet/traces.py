"""What a playbook leaves behind, on the hosts and in this machine's list of processes."""

from __future__ import annotations

import threading
from pathlib import Path

from hosts import Host
from rig import Rig

OURS = "etc", "opt", "var/lib", "usr", "home", "root", "srv"
NOT_OURS = "/.ansible", "var/lib/systemd/", "__pycache__", "etc/machine-info"
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
