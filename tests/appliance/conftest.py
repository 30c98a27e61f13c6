"""The virtual Pi for the tests: its disk is built once and kept, lenswire put on a copy of it as a release would be."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import disk
import pictures
import pytest
from eye import Eye
from release import FIRST, Controller, Installed
from screen import Screen
from usb_camera import Frames
from virtual_pi import VirtualPi

from eventually import until

SIZE = 640, 480

_times: list[tuple[str, float]] = []
_said: list[str] = []


@contextmanager
def timed(part: str) -> Iterator[None]:
    """Its seconds are in the table at the end."""
    began = time.monotonic()
    try:
        yield
    finally:
        _times.append((part, time.monotonic() - began))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        _times.append((report.nodeid.split("/")[-1], report.duration))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("the virtual Pi: what was seen")
    for words in _said:
        terminalreporter.write_line(words.removeprefix("test_"))
    terminalreporter.section("the virtual Pi: seconds of each part")
    for part, seconds in _times:
        terminalreporter.write_line(f"{seconds:7.1f}  {part}")


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """A line for whoever reads the end of the output."""
    return lambda words: _said.append(f"{request.node.name}: {words}")


@pytest.fixture(scope="session")
def image() -> Path:
    """The folder of a machine without lenswire: disk.img, vmlinuz, initrd.img, id_ed25519. Kept outside the tree."""
    with timed("build the disk"):
        return disk.build()


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """For disks and sockets; the path of a UNIX socket must be short."""
    with tempfile.TemporaryDirectory(prefix="pi-", dir="/tmp") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def controller(folder: Path) -> Controller:
    return Controller(folder / "controller")


@pytest.fixture(scope="session")
def installed(image: Path, folder: Path, controller: Controller, frames: Frames) -> Iterator[Installed]:
    """The disk of a machine that was provisioned as its owner would do it, though the power went in the middle."""
    pi = VirtualPi(image, image / "disk.img", folder / "install")
    with timed("make the wheelhouse"):
        controller.wheelhouse(FIRST)
    with timed("boot a fresh system"):
        pi.power_on()
        pi.wait_for_ssh()
    with timed("provision until the power goes, and boot"):
        play = controller.begin(pi, "site", FIRST)
        begun = "ls /opt/lenswire/releases 2>/dev/null"
        until(lambda: pi.ssh(begun, check=False) or play.poll() is not None, "the release to be begun", 300)
        pi.power_cut()
        words, _ = play.communicate(timeout=120)
        assert play.returncode != 0, words
        pi.power_on()
        pi.plug_camera(frames)
        pi.wait_for_ssh()
    with timed("provision to the end"):
        controller.play(pi, "site", FIRST)
    with timed("shut down"):
        pi.power_off()
    yield Installed(pi.disk, controller.target.fingerprint, controller.target.key)
    pi.close()


@pytest.fixture(scope="session")
def frames() -> Frames:
    """What the camera shows: JPEGs of its own, and the same pictures as YUV."""
    planes = list(pictures.moving(*SIZE, 24))
    return {
        ("mjpeg", *SIZE): [pictures.jpeg(picture) for picture in planes],
        ("i420", *SIZE): [pictures.i420(picture) for picture in planes],
    }


@pytest.fixture(scope="session")
def pi(image: Path, installed: Installed, folder: Path, frames: Frames) -> Iterator[VirtualPi]:
    """The machine that most tests share: switched on, with its camera plugged in, and no more has been done to it."""
    pi = VirtualPi(image, installed.disk, folder / "pi")
    pi.power_on()
    pi.plug_camera(frames)
    yield pi
    pi.close()


@pytest.fixture
def eye(pi: VirtualPi, installed: Installed) -> Iterator[Eye]:
    """Somebody who watches the shared machine."""
    eye = Eye(installed.target(pi))
    yield eye
    eye.stop()


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    """The product's own window."""
    with Screen(tmp_path) as screen:
        yield screen
