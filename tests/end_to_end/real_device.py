"""A real device in a process of its own, and the command line as its users call it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lenswire.demo import free_port, wait_until_it_listens
from lenswire.link import Target

LIMIT = 30.0  # seconds for anything to happen on a busy machine


class Device:
    """`lenswire serve` with these options."""

    def __init__(self, folder: Path, *options: str, listen: str = "127.0.0.1") -> None:
        self.folder, self.options, self.listen = folder, options, listen
        self.port = free_port()
        self.log = folder / "device.log"
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.port)

    def start(self) -> None:
        command = [sys.executable, "-m", "lenswire.cli", "serve", "--listen", f"{self.listen}:{self.port}"]
        command += ["--state-dir", str(self.folder / "state"), *self.options]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, stderr=output, stdout=output, stdin=subprocess.DEVNULL)
        wait_until_it_listens(self.process, self.port, self.log)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(LIMIT)

    def status(self) -> dict[str, Any]:
        done = lenswire("status", self.address, "--json")
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def link(self) -> str:
        where = ("--host", "127.0.0.1", "--port", str(self.port))
        return lenswire("pair", "--state-dir", str(self.folder / "state"), *where).stdout.strip()


def lenswire(*arguments: str, limit: float = LIMIT, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line, in a process of its own."""
    command = [sys.executable, "-m", "lenswire.cli", *arguments]
    clean = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=limit, env={**clean, **environment}, stdin=subprocess.DEVNULL
    )


Serve = Callable[..., Device]
