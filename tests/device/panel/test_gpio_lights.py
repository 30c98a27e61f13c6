"""The panel on gpiozero's mock pins: what is to be seen."""

from __future__ import annotations

import pytest
from desks import LED, SENSOR, STEP, Desk

from lenswire.device.config import PanelConfig
from lenswire.device.state import State


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
