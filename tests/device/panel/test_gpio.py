"""The panel on gpiozero's mock pins: what fingers do, and what is to be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gpiozero import GPIOZeroError
from gpiozero.pins.mock import MockFactory

from fake_loop import FakeLoop
from lenswire.device.config import PanelConfig
from lenswire.device.panel import Deeds
from lenswire.device.panel.gpio import GpioPanel, Pins
from lenswire.device.state import State
from lenswire.errors import PanelError

BUTTON, LED, SHUTDOWN, SENSOR = 17, 27, 3, 22
ALL = PanelConfig(shutdown_button=SHUTDOWN, sensor_led=SENSOR)
STEP = 0.01  # seconds between two looks at a light


class Desk:
    """A panel with a finger and an eye in front of it."""

    def __init__(self, config: PanelConfig = ALL, held: int | None = None) -> None:
        self.loop, self.done = FakeLoop(), list[str]()
        self.factory = MockFactory()
        if held is not None:
            self.pin(held).drive_low()
        names = Deeds("toggle", "snapshot", "shut down")
        deeds = Deeds(*(self._deed(name) for name in names))
        self.panel = GpioPanel(config, Pins(self.factory, (GPIOZeroError,)), deeds, self.loop)

    def _deed(self, name: str) -> Callable[[], None]:
        return lambda: self.done.append(name)

    def pin(self, line: int) -> Any:
        return self.factory.pin(line)

    def press(self, line: int, seconds: float) -> None:
        self.pin(line).drive_low()
        self.loop.advance(seconds)
        self.pin(line).drive_high()
        self.loop.advance(1)

    def watch(self, line: int, seconds: float) -> list[bool]:
        """The light, looked at every STEP seconds."""
        seen = []
        for _ in range(round(seconds / STEP)):
            seen.append(bool(self.pin(line).state))
            self.loop.advance(STEP)
        return seen


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.panel.close()


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


# Lights


@pytest.mark.parametrize(
    ("state", "lit", "begins"),
    [  # of 6 seconds: how many lit, how often it comes on
        (State.STOPPED, 0.2, 2),
        (State.READY, 3.0, 6),
        (State.STREAMING, 6.0, 1),
        (State.FAULT, 3.0, 30),
    ],
)
def test_the_light_of_every_state(desk: Desk, state: State, lit: float, begins: int) -> None:
    assert not any(desk.watch(LED, 1)), "dark until there is a state"
    desk.panel.show(state)
    seen = desk.watch(LED, 6)
    assert seen[0], "a change is to be seen at once"
    assert sum(seen) * STEP == pytest.approx(lit, abs=STEP * begins)
    assert sum(now and not before for before, now in zip([False, *seen], seen, strict=False)) == begins


def test_the_same_state_again_does_not_disturb_the_light(desk: Desk) -> None:
    desk.panel.show(State.READY)
    undisturbed = desk.watch(LED, 2)
    seen = []
    for _ in range(20):
        desk.panel.show(State.READY)
        seen += desk.watch(LED, 0.1)
    assert seen == undisturbed


def test_a_new_state_ends_the_old_pattern(desk: Desk) -> None:
    desk.panel.show(State.FAULT)
    desk.loop.advance(0.15)
    desk.panel.show(State.STREAMING)
    assert all(desk.watch(LED, 5))
    assert desk.loop.waiting == 0


def test_a_flicker_and_then_the_pattern_goes_on(desk: Desk) -> None:
    desk.panel.show(State.STREAMING)
    desk.panel.acknowledge()
    assert not all(desk.watch(LED, 0.6))
    assert all(desk.watch(LED, 5))


def test_a_new_state_ends_a_flicker(desk: Desk) -> None:
    desk.panel.show(State.READY)
    desk.panel.acknowledge()
    desk.panel.show(State.STREAMING)
    assert all(desk.watch(LED, 5))


def test_the_sensors_light_is_the_sensors_alone(desk: Desk) -> None:
    desk.panel.show(State.FAULT)
    assert not any(desk.watch(SENSOR, 1))
    desk.panel.sensor(True)
    assert all(desk.watch(SENSOR, 1))
    desk.panel.sensor(False)
    assert not any(desk.watch(SENSOR, 1))


def test_a_light_may_be_lit_by_a_low_line() -> None:
    desk = Desk(PanelConfig(led_high=False))
    assert desk.pin(LED).state
    desk.panel.show(State.STREAMING)
    assert not desk.pin(LED).state
    desk.panel.close()


def test_every_button_and_light_may_be_missing() -> None:
    desk = Desk(PanelConfig(button=-1, led=-1))
    desk.panel.show(State.FAULT)
    desk.panel.sensor(True)
    desk.panel.acknowledge()
    assert not desk.factory.pins
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
