"""What hardware.md says of pins, lights and encoders is what the code does, and the drawing shows the same wires."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from gpiozero.pins.mock import MockFactory

from lenswire.device.camera.csi.videocore import LARGEST_SIDE
from lenswire.device.config import PanelConfig
from lenswire.device.encoder import CameraJpeg, Turbo, VideoCoreJpeg
from lenswire.device.state import TABLE

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "hardware.md").read_text()
DRAWING = ROOT / "firmware" / "wiring.svg"
BOARDS = {"Zero 2 W": "902120", "3": "a02082", "4": "c03111", "5": "c04170"}  # and a revision code of each


def table(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)[0].splitlines()
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]


def wires() -> dict[str, tuple[int, int, int]]:
    """setting -> its default, and the GPIO and the pin of the header that the page gives for it."""
    return {
        row[1].strip("`").removeprefix("panel."): (int(row[2].split()[0]), int(row[3]), int(row[4]))
        for row in table("Wiring")
    }


def test_the_pin_table_has_the_defaults_of_the_config() -> None:
    defaults = PanelConfig()
    assert set(wires()) == {"button", "led", "shutdown_button", "sensor_led"}
    for setting, (default, gpio, _) in wires().items():
        assert default == getattr(defaults, setting), setting
        assert default in (gpio, -1)


@pytest.mark.parametrize("revision", BOARDS.values(), ids=BOARDS)
def test_each_gpio_is_at_that_pin_of_the_header(revision: str) -> None:
    header = MockFactory(revision=revision).board_info.headers["J8"]
    for setting, (_, gpio, pin) in wires().items():
        assert header.pins[pin].name == f"GPIO{gpio}", setting
    assert header.pins[9].name == "GND"


def test_the_drawing_shows_these_wires() -> None:
    assert f"({DRAWING.relative_to(ROOT)})" in PAGE
    texts = [text for text in ElementTree.parse(DRAWING).iter("{http://www.w3.org/2000/svg}text") if text.text]
    height = {text.text: float(text.get("y", "nan")) for text in texts}
    for setting, (_, gpio, pin) in wires().items():
        assert height[f"panel.{setting}"] == height[f"GPIO {gpio}"]
        assert abs(height[str(pin)] - height[f"GPIO {gpio}"]) < 15, "the label stands on its wire"


def test_the_lights_are_those_of_the_state_table() -> None:
    shown = {state: words for state, words, _ in table("What the LED says") if state}
    assert shown == {state.name: row.led.words for state, row in TABLE.items()}


def test_the_buttons_are_held_for_as_long_as_the_page_says() -> None:
    defaults = PanelConfig()
    held = {row[0]: row[1] for row in table("What the buttons do") if "held" in row[1]}
    assert held == {
        "button": f"held for {defaults.hold:g} s",
        "shutdown button": f"held for {defaults.shutdown_hold:g} s",
    }


def test_the_matrix_names_boards_and_encoders_that_there_are() -> None:
    rows = table("Cameras and boards")
    assert f"| camera | {' | '.join(BOARDS)} |" in PAGE
    assert {cell for row in rows for cell in row[1:]} == {CameraJpeg.name, VideoCoreJpeg.name, Turbo.name}
    assert f"up to {LARGEST_SIDE} pixels a side" in rows[0][0]


def test_no_row_is_claimed_without_a_word_of_where() -> None:
    rows = table("What has been seen, and where")
    assert rows
    for what, hardware, virtual, command in rows:
        assert hardware in ("not yet", "seen"), what
        assert virtual in ("not yet", "seen", "seen by hand", "has none"), what
        assert command, what
