"""What the playbooks must know of a device, in one round trip; Ansible's own facts take a Pi several times as long."""

from __future__ import annotations

import hashlib
import platform
import pwd
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: lenswire_facts
short_description: What the playbooks must know of a device
description: Reads only. The answer is the variable C(lenswire_device).
"""

RELEASES = Path("/opt/lenswire/releases")
CERTIFICATE = Path("/var/lib/lenswire/certificate.pem")
BOOT = Path("/boot/firmware/config.txt")
MARK = "# BEGIN lenswire"  # of the block that role `board` writes into config.txt
THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")


def facts() -> dict[str, Any]:
    """All of them; what this machine does not have is empty."""
    return {
        "architecture": platform.machine(),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "model": text("/proc/device-tree/model").rstrip("\0"),
        "raspberry_pi_os": Path("/etc/rpi-issue").exists(),
        "hostname": platform.node(),
        "user": has_user(),
        "packages": packages(),
        "network_manager": Path("/etc/NetworkManager").is_dir(),
        "avahi": Path("/etc/avahi").is_dir(),
        "polkit": Path("/etc/polkit-1").is_dir(),
        "ufw": "ENABLED=yes" in text("/etc/ufw/ufw.conf").splitlines(),
        "boot_block": MARK in text(BOOT),
        # raspi-config's words for it, now and in older systems.
        "overlay_root": any(word in text("/proc/cmdline") for word in ("overlayroot=tmpfs", "boot=overlay")),
        "releases": sorted(path.parent.name for path in RELEASES.glob("*/release.json")),
        "current": named("current"),
        "previous": named("previous"),
        "running": run("systemctl", "is-active", "lenswire.service") == "active",
        "fingerprint": fingerprint(),
        "free_mb": free() // 1_000_000,
        "temperature": int(text(TEMPERATURE) or 0) / 1000,
        "throttled": text(THROTTLED) or run("vcgencmd", "get_throttled").partition("=")[2],
        "uptime": int(float(text("/proc/uptime").split()[0])),
    }


def named(link: str) -> str:
    """The release that `current` or `previous` means; empty if it means none."""
    path = RELEASES.parent / link
    return path.resolve().name if path.exists() else ""


def text(path: Path | str) -> str:
    """A small file; empty if it cannot be had."""
    try:
        return Path(path).read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def run(*command: str) -> str:
    """What a small tool prints; empty if it is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def has_user() -> bool:
    """Whether the service's user is there."""
    try:
        return bool(pwd.getpwnam("lenswire"))
    except KeyError:
        return False


def packages() -> list[str]:
    """What dpkg has installed."""
    lines = run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n").splitlines()
    return [line.split()[1] for line in lines if line.startswith("installed ")]


def fingerprint() -> str:
    """SHA-256 of this device's certificate: public, it is what the device shows to everybody."""
    certificate = text(CERTIFICATE)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest() if certificate else ""


def free() -> int:
    """Bytes on the disk that takes the releases."""
    return shutil.disk_usage(next(path for path in (RELEASES, *RELEASES.parents) if path.exists())).free


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.exit_json(changed=False, ansible_facts={"lenswire_device": facts()})


if __name__ == "__main__":
    main()
