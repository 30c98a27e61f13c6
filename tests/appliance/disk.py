"""The disk of a virtual Pi without lenswire: built once, kept outside the tree. As a program it prints its folder."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
MADE_FROM = "image.sh", "pi_packages.sh", "guest/virtual_picamera2.py"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lenswire"


def folder() -> Path:
    """Where disk.img, vmlinuz, initrd.img and id_ed25519 are, by what they are made from."""
    key = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in MADE_FROM)).hexdigest()[:16]
    return CACHE / "virtual-pi" / key


def build() -> Path:
    """The folder; some minutes where there is none yet. What is being built by somebody else is waited for."""
    if not (folder() / "disk.img").exists():
        environment = {**os.environ, "PYTHON": sys.executable}
        subprocess.run(["bash", HERE / "image.sh", folder()], check=True, stdout=sys.stderr, env=environment)
    return folder()


if __name__ == "__main__":
    print(build())
