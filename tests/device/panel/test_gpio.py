"""The panel on gpiozero's mock pins: what fingers do, its end, and bad beginnings."""

from __future__ import annotations

from typing import Any

import pytest
from desks import ALL, BUTTON, LED, SENSOR, SHUTDOWN, Desk
from gpiozero import GPIOZeroError
from gpiozero.pins.mock import MockFactory

from fake_loop import FakeLoop
from lenswire.device.config import PanelConfig
from lenswire.device.panel import Deeds
from lenswire.device.panel.gpio import GpioPanel, Pins
from lenswire.device.state import State
from lenswire.errors import PanelError

# Buttons


def test_a_press_toggles_when_it_is_let_go(desk: Desk) -> None:
    desk.pin(BUTTON).drive_low()
    desk.loop.advance(1)
    assert desk.done == []
    desk.pin(BUTTON).drive_high()
    desk.loop.advance(1)
    assert desk.done == ["toggle"]


def test_the_pins_thread_only_posts(desk: Desk) -> None:
    desk.loop.advance(1)
    desk.pin(BUTTON).drive_low()
    desk.pin(BUTTON).drive_high()
    assert desk.done == []
    assert desk.loop.waiting == 2


def test_a_hold_takes_a_snapshot_and_does_not_toggle(desk: Desk) -> None:
    desk.pin(BUTTON).drive_low()
    desk.loop.advance(2.9)
    assert desk.done == []
    desk.loop.advance(0.2)
    assert desk.done == ["snapshot"]
    desk.loop.advance(30)
    desk.pin(BUTTON).drive_high()
    desk.loop.advance(1)
    assert desk.done == ["snapshot"]


def test_each_press_counts_once(desk: Desk) -> None:
    for seconds in (0.1, 0.2, 4.0, 2.5):
        desk.press(BUTTON, seconds)
    assert desk.done == ["toggle", "toggle", "snapshot", "toggle"]


def test_a_contact_that_chatters_is_one_press(desk: Desk) -> None:
    for level in [False, True] * 10 + [False]:
        desk.pin(BUTTON).drive_high() if level else desk.pin(BUTTON).drive_low()
        desk.loop.advance(0.002)
    desk.loop.advance(0.5)
    for level in [True, False] * 10 + [True]:
        desk.pin(BUTTON).drive_high() if level else desk.pin(BUTTON).drive_low()
        desk.loop.advance(0.002)
    desk.loop.advance(1)
    assert desk.done == ["toggle"]


def test_a_spike_on_the_wire_is_no_press_and_ends_no_hold(desk: Desk) -> None:
    desk.pin(BUTTON).drive_low()
    desk.pin(BUTTON).drive_high()
    desk.loop.advance(5)
    assert desk.done == []
    desk.pin(BUTTON).drive_low()
    desk.loop.advance(2)
    desk.pin(BUTTON).drive_high()
    desk.pin(BUTTON).drive_low()
    desk.loop.advance(1.1)
    assert desk.done == ["snapshot"]
    desk.loop.advance(10)
    assert desk.done == ["snapshot"]


def test_a_button_that_is_down_at_the_start_does_nothing_until_it_was_let_go(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(PanelConfig(pull="none"), held=BUTTON)
    assert "panel.button: GPIO 17 is down already" in caplog.text
    desk.loop.advance(60)
    desk.pin(BUTTON).drive_high()
    desk.loop.advance(1)
    assert desk.done == []
    desk.press(BUTTON, 0.2)
    assert desk.done == ["toggle"]
    desk.panel.close()


def test_the_second_button_shuts_down_when_held_and_is_deaf_to_a_press(desk: Desk) -> None:
    desk.press(SHUTDOWN, 4.9)
    assert desk.done == []
    desk.press(SHUTDOWN, 5.1)
    assert desk.done == ["shut down"]


@pytest.mark.parametrize(
    ("config", "rest"),
    [
        (PanelConfig(pull="up"), True),
        (PanelConfig(pull="down", button_high=True), False),
        (PanelConfig(pull="up", button_high=True), False),  # a button that opens, between the line and ground
    ],
)
def test_pull_and_level_are_as_set(config: PanelConfig, rest: bool) -> None:
    desk = Desk(config)
    pin = desk.pin(BUTTON)
    down, up = (pin.drive_low, pin.drive_high) if rest else (pin.drive_high, pin.drive_low)
    assert pin.pull == config.pull
    up()
    desk.loop.advance(1)
    down()
    desk.loop.advance(1)
    up()
    desk.loop.advance(1)
    assert desk.done == ["toggle"]
    desk.panel.close()


# Its end, and a bad beginning


def test_closed_it_is_dark_and_deaf_and_leaves_no_timer(desk: Desk) -> None:
    desk.panel.show(State.FAULT)
    desk.panel.sensor(True)
    button, led, sensor = (desk.pin(line) for line in (BUTTON, LED, SENSOR))
    button.drive_low()
    desk.loop.advance(1)
    desk.panel.close()
    desk.panel.close()
    assert desk.loop.waiting == 0
    assert (led.function, sensor.function) == ("input", "input")
    button.drive_high()
    desk.loop.advance(60)
    assert desk.done == []


def test_a_state_that_comes_late_is_no_error(desk: Desk) -> None:
    desk.panel.close()
    desk.panel.show(State.READY)
    desk.panel.sensor(False)
    desk.loop.advance(2)


class Busy(Exception):
    """As lgpio.error: no gpiozero error, and its words come quoted."""


class BusyFactory(MockFactory):
    def pin(self, name: Any, **more: Any) -> Any:
        if name == BUTTON:
            raise Busy("'GPIO busy'")
        return super().pin(name, **more)


def test_a_busy_line_is_named_and_the_others_are_given_back() -> None:
    factory, deeds = BusyFactory(), Deeds(*[lambda: None] * 3)
    with pytest.raises(PanelError, match=r"^panel.button: GPIO 17 cannot be had: GPIO busy$"):
        GpioPanel(ALL, Pins(factory, (GPIOZeroError, Busy)), deeds, FakeLoop())
    assert not factory.pins


class Sticky(MockFactory):
    def close(self) -> None:
        raise Busy("'GPIO busy'")


def test_a_line_that_cannot_be_given_back_disturbs_nothing() -> None:
    pins = Pins(Sticky(), (GPIOZeroError, Busy))
    panel = GpioPanel(ALL, pins, Deeds(*[lambda: None] * 3), FakeLoop())
    panel.show(State.STREAMING)
    panel.close()
    assert not pins.factory.pin(LED).state


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (PanelConfig(led=57), "panel.led: GPIO 57 cannot be had: 57 is not a valid pin name"),
        (PanelConfig(led=17), "panel.button: GPIO 17 cannot be had: pin GPIO17 is already in use"),
        (PanelConfig(button=3, pull="down"), "panel.button: GPIO 3 cannot be had: .*fixed pull"),
    ],
)
def test_a_wrong_line_is_one_sentence(config: PanelConfig, words: str) -> None:
    with pytest.raises(PanelError, match=words):
        Desk(config)
