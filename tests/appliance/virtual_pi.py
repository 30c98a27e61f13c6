"""The virtual Pi, held in the hand: switch it on, cut its power, press its button, look at its LED, plug its camera.

QEMU emulates a 64-bit board without any help of the host's processor; what runs on it is unchanged Debian.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from gpio import Edge, Gpio
from usb_camera import Frames, UsbCamera

from eventually import until
from lenswire.demo import free_port

T = TypeVar("T")
# The lines of the one gpiochip, which has eight; what the device's config says too.
BUTTON, LED, SENSOR_LED, SHUTDOWN = 2, 4, 5, 6
PORT = 8880
CPU, CPUS, MEMORY = "cortex-a72", 2, 1024  # a Pi 4's, half its cores
BOOT_LIMIT = 240.0  # seconds to ssh; 30 is the rule, on a busy machine it may take several times that
MODEL, REVISION = "Raspberry Pi 4 Model B Rev 1.1 (virtual)", "c03111"
FAST_SSH = "-oControlMaster=auto", "-oControlPersist=600", "-oServerAliveInterval=5", "-oServerAliveCountMax=6"


class VirtualPi:
    """One machine with a disk of its own: a copy, made when it is made, of `disk`."""

    def __init__(self, image: Path, disk: Path, folder: Path, cpus: int = CPUS) -> None:
        """image: the folder that image.sh wrote. folder: for the disk and all sockets; its path must be short."""
        self.image, self.folder, self.cpus = image, folder, cpus
        folder.mkdir(parents=True, exist_ok=True)
        self.disk = folder / "disk.img"
        subprocess.run(["cp", "--sparse=always", disk, self.disk], check=True)
        self.serial = folder / "serial.log"
        self.ssh_port, self.port = free_port(), free_port()
        self.powered_on_at = 0.0  # time.monotonic()
        self.camera: UsbCamera | None = None
        self._machine: subprocess.Popen[bytes] | None = None
        self._gpio: Gpio | None = None
        self._boots = 0
        self._device_tree()

    # Power

    def power_on(self) -> None:
        """Supply power; returns at once. What the machine's console says goes to `serial`."""
        assert self._machine is None, "it is on"
        self._boots += 1
        for name in ("usb", "qtest", "qmp"):
            (self.folder / name).unlink(missing_ok=True)
        forwards = f"hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22,hostfwd=tcp:127.0.0.1:{self.port}-:{PORT}"
        command = [
            "qemu-system-aarch64", "-M", "virt", "-cpu", CPU, "-smp", str(self.cpus), "-m", str(MEMORY),
            "-accel", "tcg,thread=multi,tb-size=256", "-display", "none", "-dtb", "device.dtb",
            "-kernel", str(self.image / "vmlinuz"), "-initrd", str(self.image / "initrd.img"),
            "-append", "root=/dev/vda rw console=ttyAMA0 quiet systemd.show_status=1",
            # Written at once to the file that holds it, so that it keeps what the kernel wrote when the power goes.
            "-drive", f"if=none,id=disk,file={self.disk},format=raw,cache=writeback",
            "-device", "virtio-blk-pci,drive=disk",
            # No way out: what a device needs comes from the one who sets it up.
            "-netdev", f"user,id=net,restrict=on,{forwards}", "-device", "virtio-net-pci,netdev=net,romfile=",
            "-device", "virtio-rng-pci",
            "-device", "qemu-xhci", "-chardev", "socket,id=usb,path=usb,server=on,wait=off",
            "-device", "usb-redir,chardev=usb",
            "-serial", "file:serial.log", "-monitor", "none",
            "-qmp", "unix:qmp,server=on,wait=off", "-qtest", "unix:qtest,server=on,wait=off", "-qtest-log", "none",
        ]  # fmt: skip
        self.powered_on_at = time.monotonic()
        with (self.folder / "qemu.log").open("ab") as log:
            self._machine = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until((self.folder / "qtest").exists, "QEMU's sockets", 20)
        chip = until(lambda: _try(self._gpio_chip), "QEMU's answer", 20)
        self._gpio = Gpio(self.folder / "qtest", chip)

    def power_cut(self) -> None:
        """Take the power away, from one instruction to the next."""
        if self._machine:
            self._machine.kill()
            self._gone()

    def power_off(self) -> None:
        """Shut down in order, as systemd does it."""
        self.ssh("systemctl poweroff", check=False)
        self.wait_for_off()

    def wait_for_off(self, limit: float = 120) -> None:
        """Wait until it has shut itself down."""
        assert self._machine
        self._machine.wait(limit)
        self._gone()

    @property
    def on(self) -> bool:
        return self._machine is not None and self._machine.poll() is None

    # Inside

    def ssh(
        self, command: str, *, user: str = "root", stdin: bytes = b"", check: bool = True, limit: float = 300
    ) -> str:
        """What a command in the machine prints. Raises AssertionError with its words when it fails."""
        return self.ssh_bytes(command, user=user, stdin=stdin, check=check, limit=limit).decode(errors="replace")

    def ssh_bytes(
        self, command: str, *, user: str = "root", stdin: bytes = b"", check: bool = True, limit: float = 300
    ) -> bytes:
        words = ["ssh", *self.ssh_options(), f"{user}@127.0.0.1", command]
        done = subprocess.run(words, input=stdin, capture_output=True, timeout=limit)
        said = (done.stdout[-2000:] + done.stderr).decode(errors="replace")
        assert not check or done.returncode == 0, f"{command}: {done.returncode}: {said}"
        return done.stdout

    def ssh_options(self) -> list[str]:
        """For ssh, and for what is built on it. One connection serves all calls between two boots."""
        return [
            "-p", str(self.ssh_port), "-i", str(self.image / "id_ed25519"), "-oBatchMode=yes",
            "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR", "-oConnectTimeout=5",
            *FAST_SSH, f"-oControlPath={self.folder}/ssh{self._boots}",
        ]  # fmt: skip

    def wait_for_ssh(self, limit: float = BOOT_LIMIT) -> float:
        """Wait until one can log in; returns seconds since power-on."""
        until(lambda: self.on and _try(self.ssh, "true", limit=20) is not None, f"ssh (see {self.serial})", limit)
        return time.monotonic() - self.powered_on_at

    def push(self, source: Path, to: str) -> None:
        """Copy a file or a folder's content to the folder `to`."""
        folder, names = (source, ["."]) if source.is_dir() else (source.parent, [source.name])
        archive = subprocess.run(["tar", "-C", folder, "-c", *names], capture_output=True, check=True).stdout
        self.ssh(f"mkdir -p {to} && tar -C {to} -x --no-same-owner", stdin=archive)

    # The board

    def press(self, line: int = BUTTON, seconds: float = 0.2) -> None:
        """Press a button, and let it go."""
        self.gpio.drive(line, False)
        time.sleep(seconds)
        self.gpio.drive(line, True)

    def led(self, line: int = LED) -> bool:
        """Whether it is lit now."""
        return self.gpio.level(line)

    def watch_led(self, seconds: float, line: int = LED) -> list[Edge]:
        """Its changes over time."""
        return self.gpio.watch(line, seconds)

    def plug_camera(self, frames: Frames, rates: Sequence[int] = (30, 15, 5)) -> UsbCamera:
        self.camera = UsbCamera(self.folder / "usb", frames, rates)
        return self.camera

    def unplug_camera(self) -> None:
        if self.camera:
            self.camera.close()
            self.camera = None

    def link_down(self) -> None:
        """Cut the network between the device and its viewers: nothing gets through, and nobody is told."""
        rules = "".join(f"add rule inet {self._cut} lost tcp {way} {self.port} drop\n" for way in ("dport", "sport"))
        chain = f"add chain inet {self._cut} lost {{ type filter hook input priority 0; }}\n"
        subprocess.run(["nft", "-f", "-"], input=f"add table inet {self._cut}\n{chain}{rules}".encode(), check=True)

    def link_up(self) -> None:
        subprocess.run(["nft", "delete", "table", "inet", self._cut], check=True)

    @property
    def gpio(self) -> Gpio:
        assert self._gpio, "it is off"
        return self._gpio

    def close(self) -> None:
        """Switch it off for good, and keep only what it said."""
        self.power_cut()
        self.disk.unlink(missing_ok=True)

    # Below

    def _gone(self) -> None:
        assert self._machine
        self.unplug_camera()
        if self._gpio:
            self._gpio.close()
        self._machine.wait(20)
        self._machine = self._gpio = None
        subprocess.run(["ssh", *self.ssh_options(), "-Oexit", "root@127.0.0.1"], capture_output=True)

    @property
    def _cut(self) -> str:
        """The table of the packet filter that cuts it off."""
        return f"virtual_pi_{self.port}"

    def _gpio_chip(self) -> str:
        """The PL061's name, which depends on what else there is."""
        parts = self._qmp("qom-list", path="/machine/unattached")
        return "/machine/unattached/" + next(part["name"] for part in parts if part["type"] == "child<pl061>")

    def _qmp(self, command: str, **arguments: Any) -> Any:
        """What QEMU answers to a command of its machine protocol."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(self.folder / "qmp"))
            with sock.makefile("r") as lines:
                lines.readline()  # its greeting
                for words in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                    sock.sendall(json.dumps(words).encode())
                    while "return" not in (answer := json.loads(lines.readline() or '{"error": "QEMU has ended"}')):
                        assert "error" not in answer, f"{command}: {answer}"
        return answer["return"]

    def _device_tree(self) -> None:
        """QEMU's own, without the power button that holds line 3, and with the name of a Pi."""
        tree = self.folder / "device.dtb"
        dump = ["qemu-system-aarch64", "-M", f"virt,dumpdtb={tree}", "-cpu", CPU, "-smp", str(self.cpus)]
        subprocess.run([*dump, "-m", str(MEMORY), "-nographic"], check=True, capture_output=True)
        for change in (
            ["-r", tree, "/gpio-keys"],
            ["-c", tree, "/system"],
            ["-t", "x", tree, "/system", "linux,revision", REVISION],
            ["-t", "s", tree, "/", "model", MODEL],
        ):
            subprocess.run(["fdtput", *change], check=True)


def _try(action: Callable[..., T], *arguments: Any, **named: Any) -> T | None:
    try:
        return action(*arguments, **named)
    except (OSError, AssertionError, subprocess.SubprocessError):
        return None
