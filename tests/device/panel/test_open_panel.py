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
from lenswire.device.panel import Deeds, NoPanel, Panel, open_panel
from lenswire.device.panel.gpio import GpioPanel, Pins
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
    assert isinstance(opened(config, devices, says), NoPanel)
    (record,) = caplog.records
    assert record.levelno >= logging.WARNING
    assert record.message.startswith("! no button, no LED: " + words)


def test_no_panel_takes_everything_without_a_word() -> None:
    panel: Any = NoPanel()
    panel.show(None)
    panel.acknowledge()
    panel.sensor(True)
    panel.close()
