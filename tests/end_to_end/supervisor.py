"""The part of systemd that the unit counts on: Type=notify, WatchdogSec=, Restart=always."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path


class Supervisor:
    """Keeps a service running: started again when it ends, killed when its watchdog was not fed for `watchdog` s."""

    def __init__(self, command: list[str], folder: Path, watchdog: float, environment: dict[str, str]) -> None:
        self.starts = self.starved = 0
        self.ready = threading.Event()
        self.log = folder / "service.log"
        self._command, self._watchdog = command, watchdog
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(folder / "notify"))
        self._notify.settimeout(0.05)
        told = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": str(int(watchdog * 1e6))}
        self._environment = {**os.environ, **environment, **told}
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._start()
        self._thread.start()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self) -> float:
        """Ask it to end; the seconds that it took."""
        self._stopping = True
        self._thread.join()
        begin = time.monotonic()
        self.process.terminate()
        self.process.wait(30)
        self._notify.close()
        return time.monotonic() - begin

    def _start(self) -> None:
        self.ready.clear()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.starts += 1
        self._fed = time.monotonic() + 30  # TimeoutStartSec

    def _run(self) -> None:
        while not self._stopping:
            with contextlib.suppress(TimeoutError):
                self._heard(self._notify.recv(1000))
            if time.monotonic() > self._fed + self._watchdog:
                self.starved += 1
                self.process.send_signal(signal.SIGKILL)
            if self.process.poll() is not None:
                self._start()

    def _heard(self, message: bytes) -> None:
        if message in (b"READY=1", b"WATCHDOG=1"):
            self._fed = time.monotonic()
        if message == b"READY=1":
            self.ready.set()
