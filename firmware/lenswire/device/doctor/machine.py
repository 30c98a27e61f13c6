"""What the board and its system say of themselves, read below `root` and asked of tools by `run`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lenswire import __version__
from lenswire.device.admission import key_needed
from lenswire.device.config import PanelConfig, ServerConfig
from lenswire.device.doctor import Fact

PACKAGES = "simplejpeg", "numpy", "opencv-python-headless", "picamera2", "gpiozero", "lgpio", "cryptography", "aiohttp"
HOT = 80.0  # degrees Celsius: a Pi begins to slow down here
SMALL = 32  # MB of CMA free: six buffers of 1080p take 19
LITTLE = 48  # MB: less memory than the service itself may need
COMMAND_LIMIT = 5.0  # seconds for a small tool to answer

# Bits of the firmware's get_throttled, what they mean, and what helps.
SUPPLY = "use the board's own power supply and a short, thick cable"
COOLING = "give it a heat sink or a fan, or move it out of the sun"
THROTTLED = {
    0: ("under-voltage now", SUPPLY),
    1: ("the processor is slowed down now", SUPPLY),
    2: ("throttled now", COOLING),
    3: ("at its soft temperature limit now", COOLING),
    16: ("under-voltage since power-on", SUPPLY),
    17: ("slowed down since power-on", SUPPLY),
    18: ("throttled since power-on", COOLING),
    19: ("soft temperature limit since power-on", COOLING),
}

Run = Callable[[Sequence[str]], str]


def run_tool(command: Sequence[str]) -> str:
    """What a small tool prints; empty if it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_LIMIT, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


PARTS = {"button": "button", "led": "LED", "shutdown_button": "shutdown button", "sensor_led": "sensor LED"}


def panel_fact(config: PanelConfig) -> Fact:
    """What the settings expect on which line."""
    lines = {words: getattr(config, setting) for setting, words in PARTS.items()}
    expected = ", ".join(f"{words} GPIO {line}" for words, line in lines.items() if line >= 0)
    return Fact("panel", expected if expected and config.enabled else "none, by the settings")


def http_fact(server: ServerConfig) -> Fact:
    """Whether browsers are served, how, and with what is here for it."""
    if not server.http:
        return Fact("HTTP", "off, by the settings")
    keyed = key_needed(server, server.http_address[0])
    missing = [name for name in ("aiohttp", "prometheus_client") if importlib.util.find_spec(name) is None]
    mend = f"pip install 'lenswire[web]': {', '.join(missing)} is missing" if missing else ""
    return Fact("HTTP", f"{server.http}, {'TLS and the key' if keyed else 'no key, not encrypted'}", mend)


class Machine:
    """Facts about the machine, each read when asked for."""

    def __init__(self, root: Path = Path("/"), run: Run = run_tool) -> None:
        self._root, self._run = root, run

    def facts(self) -> Iterator[Fact]:
        """All of them, in the order of the page."""
        yield self.board()
        yield self.system()
        yield self.versions()
        yield from self.temperature()
        yield from self.power()
        yield from self.wifi()
        yield self.memory()
        yield from self.cma()
        yield self.gpio()
        yield self.clock()

    def board(self) -> Fact:
        model = self._read("proc/device-tree/model") or self._read("sys/class/dmi/id/product_name")
        return Fact("board", model.rstrip("\0") or f"not named ({platform.machine()})")

    def system(self) -> Fact:
        release = dict(line.split("=", 1) for line in self._read("etc/os-release").splitlines() if "=" in line)
        name = release.get("PRETTY_NAME", "unknown system").strip('"')
        return Fact("system", f"{name}, kernel {platform.release()} {platform.machine()}")

    def versions(self) -> Fact:
        found = [f"lenswire {__version__}", f"Python {platform.python_version()}"]
        for package in PACKAGES:
            try:
                found.append(f"{package} {importlib.metadata.version(package)}")
            except importlib.metadata.PackageNotFoundError:
                continue
        return Fact("versions", ", ".join(found))

    def temperature(self) -> Iterator[Fact]:
        if text := self._read("sys/class/thermal/thermal_zone0/temp"):
            degrees = int(text) / 1000
            yield Fact("temperature", f"{degrees:.0f} °C", COOLING if degrees >= HOT else "")

    def power(self) -> Iterator[Fact]:
        """The firmware's own record; only a Raspberry Pi has it."""
        # A Pi 5 has an address in both names.
        files = self._root.glob("sys/devices/platform/soc*/soc*:firmware/get_throttled")
        said = next((self._read(str(file)) for file in files), "") or self._run(
            ["vcgencmd", "get_throttled"]
        ).strip().removeprefix("throttled=")
        if not said:
            return
        bits = int(said, 16)
        wrong = [THROTTLED[bit] for bit in THROTTLED if bits >> bit & 1]
        mends = dict.fromkeys(mend for _, mend in wrong)
        yield Fact("power", "; ".join(words for words, _ in wrong) or "no trouble since power-on", "; ".join(mends))

    def wifi(self) -> Iterator[Fact]:
        """Power save makes every other picture late: round trips of 50 to 1000 ms instead of 6."""
        for interface in sorted(path.parent.name for path in self._root.glob("sys/class/net/*/wireless")):
            said = self._run(["iw", "dev", interface, "get", "power_save"]).strip().lower() or "power save: unknown"
            mend = f"sudo iw dev {interface} set power_save off (for good: wifi.powersave=2 in NetworkManager)"
            yield Fact("wi-fi", f"{interface}: {said}", mend if said.endswith(" on") else "")

    def memory(self) -> Fact:
        total, available = (self._megabytes(key) for key in ("MemTotal", "MemAvailable"))
        mend = "end other programs, or use a board with more memory" if available < LITTLE else ""
        return Fact("memory", f"{available} of {total} MB available", mend)

    def cma(self) -> Iterator[Fact]:
        """Where a CSI camera's buffers come from."""
        total, free = (self._megabytes(key) for key in ("CmaTotal", "CmaFree"))
        if total:
            mend = (
                "more for the camera: dtoverlay=vc4-kms-v3d,cma-128 in /boot/firmware/config.txt"
                if free < SMALL
                else ""
            )
            yield Fact("CMA", f"{free} of {total} MB free", mend)

    def gpio(self) -> Fact:
        chips = sorted(self._root.glob("dev/gpiochip*"))
        if not chips:
            return Fact("GPIO", "no GPIO chip: no button and no LED")
        shut = [chip for chip in chips if not os.access(chip, os.R_OK | os.W_OK)]
        mend = "sudo usermod -aG gpio $USER, then log in again" if shut else ""
        labels = (f"/{chip.relative_to(self._root)}{self._label(chip)}" for chip in chips)
        return Fact("GPIO", ", ".join(labels) + (", not for this user" if shut else ""), mend)

    def clock(self) -> Fact:
        """Only names of files depend on it: ages are told in the device's own time."""
        if (self._root / "run/systemd/timesync/synchronized").exists():
            return Fact("clock", "synchronised")
        synchronised = self._run(["timedatectl", "show", "-p", "NTPSynchronized", "--value"]).strip() == "yes"
        words = "synchronised" if synchronised else "not synchronised: only the names of snapshots depend on it"
        return Fact("clock", words)

    # Inside

    def _read(self, path: str) -> str:
        try:
            return (self._root / path).read_text(errors="replace").strip()
        except OSError:
            return ""

    def _megabytes(self, key: str) -> int:
        for line in self._read("proc/meminfo").splitlines():
            if line.startswith(f"{key}:"):
                return int(line.split()[1]) // 1024
        return 0

    def _label(self, chip: Path) -> str:
        label = self._read(f"sys/bus/gpio/devices/{chip.name}/label")
        return f" ({label})" if label else ""
