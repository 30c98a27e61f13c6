"""Shutting the machine down."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Sequence

log = logging.getLogger(__name__)

COMMAND = "systemctl", "poweroff", "--no-ask-password"
LIMIT = 20.0  # seconds for systemd to answer; it begins to stop services, this one too, before it does


def power_off(command: Sequence[str] = COMMAND) -> bool:
    """Ask systemd to shut the machine down, and say in the log if it refused. Whether it will."""
    log.warning("! shutting down: the shutdown button was held")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    except (OSError, subprocess.SubprocessError) as error:
        log.error("! not shut down: %s", error)
        return False
    if done.returncode:
        said = done.stderr.strip() or f"exit status {done.returncode}"
        log.error("! not shut down: %s said: %s (a polkit rule may allow it, see hardware.md)", command[0], said)
    return done.returncode == 0
