"""`lenswire doctor` on made-up machines: what is wrong is named, and how to mend it."""

import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from lenswire.device.camera import Camera, Grab, Picture
from lenswire.device.camera.auto import StandIn
from lenswire.device.config import PanelConfig, ServerConfig
from lenswire.device.doctor import Fact, page
from lenswire.device.doctor.camera import camera_facts
from lenswire.device.doctor.machine import Machine, http_fact, panel_fact
from lenswire.device.encoder import choose
from lenswire.errors import CameraError

MEMINFO = "MemTotal: 425984 kB\nMemAvailable: 204800 kB\nCmaTotal: 262144 kB\nCmaFree: {cma} kB\n"
ZERO_2 = {
    "proc/device-tree/model": "Raspberry Pi Zero 2 W Rev 1.0\0",
    "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n',
    "sys/class/thermal/thermal_zone0/temp": "52000\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
    "proc/meminfo": MEMINFO.format(cma=131072),
    "sys/bus/gpio/devices/gpiochip0/label": "pinctrl-bcm2835\n",
    "dev/gpiochip0": "",
    "run/systemd/timesync/synchronized": "",
}


def machine(root: Path, answers: dict[str, str] | None = None, **files: str) -> dict[str, Fact]:
    """The facts about a machine with these files; `answers` is what tools print, by their name."""
    for name, content in {**ZERO_2, **files}.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def run(command: Sequence[str]) -> str:
        return (answers or {}).get(command[0], "")

    return {fact.topic: fact for fact in Machine(root, run).facts()}


def test_a_healthy_board_has_nothing_to_mend(tmp_path: Path) -> None:
    facts = machine(tmp_path)
    assert [fact for fact in facts.values() if fact.mend] == []
    assert facts["board"].words == "Raspberry Pi Zero 2 W Rev 1.0"
    assert facts["system"].words.startswith("Debian GNU/Linux 13 (trixie), kernel ")
    assert "lenswire" in facts["versions"].words
    assert facts["temperature"].words == "52 °C"
    assert facts["memory"].words == "200 of 416 MB available"
    assert facts["CMA"].words == "128 of 256 MB free"
    assert facts["GPIO"].words == "/dev/gpiochip0 (pinctrl-bcm2835)"
    assert facts["clock"].words == "synchronised"


@pytest.mark.parametrize(
    ("file", "content", "topic", "words"),
    [
        ("sys/class/thermal/thermal_zone0/temp", "84500", "temperature", "84 °C"),
        ("sys/devices/platform/soc/soc:firmware/get_throttled", "50005", "power", "under-voltage now; throttled now"),
        ("proc/meminfo", MEMINFO.format(cma=20480), "CMA", "20 of 256 MB free"),
        ("proc/meminfo", "MemTotal: 425984 kB\nMemAvailable: 30720 kB\n", "memory", "30 of 416 MB"),
    ],
)
def test_what_is_wrong_has_a_mend(tmp_path: Path, file: str, content: str, topic: str, words: str) -> None:
    fact = machine(tmp_path, **{file: content})[topic]
    assert words in fact.words
    assert fact.mend


@pytest.mark.parametrize(("said", "mend"), [("Power save: on\n", True), ("Power save: off\n", False), ("", False)])
def test_wifi_power_save(tmp_path: Path, said: str, mend: bool) -> None:
    (tmp_path / "sys/class/net/wlan0/wireless").mkdir(parents=True)
    fact = machine(tmp_path, {"iw": said})["wi-fi"]
    assert bool(fact.mend) is mend
    assert fact.words.startswith("wlan0: power save: ")


def test_a_pi_5_has_another_path_for_what_its_firmware_says(tmp_path: Path) -> None:
    file = tmp_path / "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
    file.parent.mkdir(parents=True)
    file.write_text("4\n")
    facts = {fact.topic: fact for fact in Machine(tmp_path, lambda command: "").facts()}
    assert facts["power"].words == "throttled now"


def test_vcgencmd_is_asked_where_the_kernel_does_not_say(tmp_path: Path) -> None:
    file = "sys/devices/platform/soc/soc:firmware/get_throttled"
    fact = machine(tmp_path, {"vcgencmd": "throttled=0x80000\n"}, **{file: ""})["power"]
    assert fact.words == "soft temperature limit since power-on"


def test_an_unknown_machine_is_no_error(tmp_path: Path) -> None:
    facts = {fact.topic: fact for fact in Machine(tmp_path, lambda command: "").facts()}
    assert facts["GPIO"].words == "no GPIO chip: no button and no LED"
    assert facts["board"].words.startswith("not named")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (PanelConfig(), "button GPIO 17, LED GPIO 27"),
        (PanelConfig(button=-1, sensor_led=5), "LED GPIO 27, sensor LED GPIO 5"),
        (PanelConfig(enabled=False), "none, by the settings"),
    ],
)
def test_the_panel_s_lines(config: PanelConfig, words: str) -> None:
    assert panel_fact(config).words == words


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (ServerConfig(), "off, by the settings"),
        (ServerConfig(http=":8881"), ":8881, TLS and the key"),
        (ServerConfig(http="localhost:8881"), "localhost:8881, no key, not encrypted"),
        (ServerConfig(http=":8881", open=True), ":8881, no key, not encrypted"),
    ],
)
def test_http(config: ServerConfig, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (http_fact(config).words, http_fact(config).mend) == (words, "")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert bool(http_fact(config).mend) == bool(config.http)


class Steady:
    """A camera of 100 fps in a made-up second; picture() can fail."""

    description, width, height, fps, compressed = "steady", 8, 6, 100.0, True
    closed = False

    def __init__(self, frames: int | None = None) -> None:
        self._frames = frames

    def grab(self, timeout: float) -> Grab | None:
        if self._frames is None:
            return Grab(0)
        self._frames -= 1
        return Grab(0) if self._frames >= 0 else None

    def picture(self) -> Picture:
        return Picture(8, 6, jpeg=b"x" * 5000)

    def close(self) -> None:
        self.closed = True


def examine(open_camera: Callable[[], Camera], seconds: float = 0.05) -> dict[str, Fact]:
    return {fact.topic: fact for fact in camera_facts(open_camera, choose, 80, seconds)}


def test_the_camera_is_measured_and_given_back() -> None:
    camera = Steady()
    facts = examine(lambda: camera)
    assert facts["camera"].words == "steady, 8x6 at 100 fps"
    assert facts["encoder"].words == "camera JPEG: the camera makes JPEG itself"
    assert "fps captured, 0 frames lost" in facts["measured"].words
    assert "5 kB" in facts["measured"].words
    assert camera.closed


def test_a_stand_in_is_not_taken_for_a_camera() -> None:
    fact = examine(lambda: StandIn(Steady(), lambda: False))["camera"]
    assert fact.words == "steady (no camera found), 8x6 at 100 fps"
    assert "cable" in fact.mend


def test_a_camera_that_falls_silent_is_said() -> None:
    fact = examine(lambda: Steady(frames=2), seconds=60)["measured"]
    assert "no frame for 2 s" in fact.words
    assert fact.mend


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        ("another program is using it", "systemctl stop"),
        ("permission denied", "usermod -aG video"),
        ("no such device", "cable"),
    ],
)
def test_a_camera_that_cannot_be_opened_is_said(words: str, mend: str) -> None:
    def refuse() -> Camera:
        raise CameraError(words)

    fact = examine(refuse)["camera"]
    assert fact.words == words
    assert mend in fact.mend


def test_the_page() -> None:
    facts = [Fact("board", "Pi 4"), Fact("power", "under-voltage now", "a better supply")]
    lines = "\n".join(page.line(fact) for fact in facts)
    assert lines == "  board        Pi 4\n! power        under-voltage now\n               mend: a better supply"
    assert page.closing(facts) == "1 to mend"
    assert page.closing(facts[:1]).startswith("nothing is wrong")
    assert json.loads(page.as_json(facts))[1]["mend"] == "a better supply"
