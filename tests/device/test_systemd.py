"""What systemd is told, and the unit that it starts us with."""

import asyncio
import re
import socket
import subprocess
from pathlib import Path

import pytest

from lenswire.device import systemd
from lenswire.device.systemd import Progress
from programs import need

UNIT = Path(__file__).parents[2] / "deploy/systemd/lenswire.service"


class Pipeline:
    """What Progress looks at."""

    beats = made = 0
    resting = due = False


@pytest.mark.parametrize(
    ("turned", "resting", "due", "made", "alive"),
    [
        (1, False, False, 0, True),  # idle: the camera is read, nobody looks
        (1, False, True, 1, True),  # streaming
        (1, False, True, 0, False),  # somebody waits, and nothing is made: the encoder hangs
        (0, False, False, 0, False),  # the capture thread hangs in its driver
        (0, True, False, 0, True),  # stopped, or between two tries of a lost camera
    ],
)
def test_alive_is_what_moves(turned: int, resting: bool, due: bool, made: int, alive: bool) -> None:
    pipeline = Pipeline()
    progress = Progress(pipeline)  # type: ignore[arg-type]
    pipeline.resting, pipeline.due = resting, due
    assert progress.made(), "the first time there is nothing to compare with"
    pipeline.beats += turned
    pipeline.made += made
    assert progress.made() is alive


def test_a_datagram_for_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        systemd.notify("READY=1")
        assert listener.recv(100) == b"READY=1"


def test_the_watchdog_is_fed_while_there_is_progress_and_starves_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "4000")
    answers = [True, False, True]

    async def feed() -> None:
        await asyncio.wait_for(systemd.feed_watchdog(lambda: answers.pop(0)), 10)

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        with pytest.raises(IndexError):
            asyncio.run(feed())
        listener.setblocking(False)
        assert [listener.recv(100), listener.recv(100)] == [b"WATCHDOG=1"] * 2
        with pytest.raises(BlockingIOError):
            listener.recv(100)


def test_without_systemd_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    systemd.notify("READY=1")
    asyncio.run(asyncio.wait_for(systemd.feed_watchdog(lambda: True), 10))


def test_the_unit_s_sandbox_is_tight() -> None:
    need("systemd-analyze")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_the_unit_lets_the_devices_through() -> None:
    unit = UNIT.read_text()
    for device in ("char-video4linux", "char-media", "char-dma_heap", "char-gpiochip"):
        assert f"DeviceAllow={device} rw" in unit
    for trap in ("PrivateDevices", "ProtectClock"):
        assert not re.search(rf"^{trap}=yes", unit, re.MULTILINE), f"{trap}= hides /dev/video*"
    assert "network-online" not in unit
    assert "WorkingDirectory=/run/lenswire" in unit
