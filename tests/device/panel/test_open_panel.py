"""Whether there is a panel, and what the log says if there is none."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from gpiozero import GPIOZeroError
from gpiozero.pins.mock import MockFactory

from fake_loop import FakeLoop
from lenswire.device.config import PanelConfig
from lenswire.device.panel import AGAIN, Deeds, LatePanel, NoPanel, Panel, open_panel
from lenswire.device.panel.gpio import GpioPanel, Pins
from lenswire.device.state import State
from lenswire.errors import PanelError

DEEDS = Deeds(lambda: None, lambda: None, lambda: None)


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """A /dev with a GPIO chip."""
    (tmp_path / "gpiochip0").touch()
    return tmp_path


def opened(config: PanelConfig, devices: Path, says: Exception | None = None) -> Panel:
    def pins(chip: int, directory: Path) -> Pins:
        assert (chip, directory) == (config.chip, Path("state"))
        if says:
            raise says
        return Pins(MockFactory(), (GPIOZeroError,))

    return open_panel(config, DEEDS, FakeLoop(), Path("state"), pins, devices)


def test_where_there_is_gpio_there_is_a_panel(devices: Path, caplog: pytest.LogCaptureFixture) -> None:
    panel = opened(PanelConfig(chip=4), devices)
    assert isinstance(panel, GpioPanel)
    assert not caplog.records
    panel.close()


def test_none_on_a_machine_without_gpio(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert isinstance(opened(PanelConfig(), tmp_path), NoPanel)
    assert [record.message for record in caplog.records] == [
        f"= no button, no LED: this machine has no GPIO (no {tmp_path}/gpiochip*)"
    ]


def test_none_where_it_is_switched_off(devices: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert isinstance(opened(PanelConfig(enabled=False), devices), NoPanel)
    assert [record.message for record in caplog.records] == ["= no button, no LED: panel.enabled is false"]


def test_none_where_lgpio_is_not_installed(devices: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert isinstance(opened(PanelConfig(), devices, ImportError("No module named 'lgpio'")), NoPanel)
    (record,) = caplog.records
    assert record.message.startswith("= no button, no LED: No module named 'lgpio': sudo apt install python3-gpiozero")


@pytest.mark.parametrize(
    ("config", "says", "words"),
    [
        (PanelConfig(), PanelError("the GPIO chip: can not open gpiochip"), "the GPIO chip: can not open gpiochip"),
        (PanelConfig(led=57), None, "panel.led: GPIO 57 cannot be had"),
    ],
)
def test_what_cannot_be_had_is_one_line(
    config: PanelConfig, says: Exception | None, words: str, devices: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(opened(config, devices, says), LatePanel)
    (record,) = caplog.records
    assert record.levelno >= logging.WARNING
    assert record.message.startswith("! no button, no LED: " + words)


def test_no_panel_takes_everything_without_a_word() -> None:
    panel: Any = NoPanel()
    panel.show(None)
    panel.acknowledge()
    panel.sensor(True)
    panel.close()


# Lines that come later than the service


class Lines:
    """Says no so many times, then gives lines."""

    def __init__(self, refusals: int) -> None:
        self.refusals, self.factory = refusals, MockFactory()

    def __call__(self, chip: int, directory: Path) -> Pins:
        self.refusals -= 1
        if self.refusals >= 0:
            raise PanelError("can not open gpiochip")
        return Pins(self.factory, (GPIOZeroError,))


def test_lines_that_come_late_show_what_there_is_to_show(devices: Path) -> None:
    loop, lines = FakeLoop(), Lines(refusals=3)
    panel = open_panel(PanelConfig(sensor_led=22), DEEDS, loop, Path("state"), lines, devices)
    panel.show(State.STREAMING)
    panel.sensor(True)
    loop.advance(AGAIN[0])
    assert lines.refusals == 1
    loop.advance(AGAIN[1] + AGAIN[2])
    assert [lines.factory.pin(line).state for line in (27, 22)] == [1, 1]
    panel.sensor(False)
    assert lines.factory.pin(22).state == 0
    panel.close()
    assert lines.factory.pin(27).state == 0


def test_lines_that_never_come_are_an_error_in_the_end(devices: Path, caplog: pytest.LogCaptureFixture) -> None:
    loop, lines = FakeLoop(), Lines(refusals=99)
    panel = open_panel(PanelConfig(), DEEDS, loop, Path("state"), lines, devices)
    for seconds in AGAIN:
        loop.advance(seconds)
    assert 99 - lines.refusals == 1 + len(AGAIN)
    assert caplog.records[-1].message == "! no button, no LED, for good: can not open gpiochip"
    panel.close()


def test_a_panel_that_is_closed_claims_nothing_any_more(devices: Path) -> None:
    loop, lines = FakeLoop(), Lines(refusals=1)
    open_panel(PanelConfig(), DEEDS, loop, Path("state"), lines, devices).close()
    loop.advance(sum(AGAIN))
    assert lines.refusals == 0
