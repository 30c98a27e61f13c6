"""Ansible as the tests run it: on this machine alone, with nothing of the user's own settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"
BIN = Path(sys.executable).parent


def ansible(playbook: Path, inventory: Path, *options: str, **variables: object) -> subprocess.CompletedProcess[str]:
    """Run a playbook, with stderr in stdout."""
    extra = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
    return tool("ansible-playbook", "-i", inventory, playbook, *options, *extra)


def tool(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """One of Ansible's programs, in this environment's bin."""
    with tempfile.TemporaryDirectory() as home:
        settings = {
            "ANSIBLE_HOME": home,
            "ANSIBLE_CONFIG": str(DEPLOY / "ansible.cfg"),
            "ANSIBLE_ROLES_PATH": str(DEPLOY / "roles"),
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }
        return subprocess.run(
            [BIN / program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=120,
            env=os.environ | settings,
            cwd=DEPLOY.parent,
        )


def inventory(folder: Path, variables: dict[str, object], hosts: Sequence[str] = ("porch",)) -> Path:
    """An inventory whose hosts nobody can reach."""
    all_hosts = {host: {"ansible_host": f"{host}.invalid"} | variables for host in hosts}
    path = folder / "inventory.json"
    path.write_text(json.dumps({"cameras": {"hosts": all_hosts}}))
    return path
