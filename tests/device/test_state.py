"""The state table against the page that describes it."""

import re
from pathlib import Path

import pytest

from lenswire.device.state import TABLE, Event, State, step

PAGE = Path(__file__).parents[2] / "firmware/ARCHITECTURE.md"


def rows() -> dict[str, list[str]]:
    """The table of ARCHITECTURE.md: state -> cells."""
    lines = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line] for line in lines]
    return {line[0]: line[1:] for line in cells if line[0] in State.__members__}


@pytest.mark.parametrize("state", State)
def test_the_table_in_the_page_is_the_table_in_the_code(state: State) -> None:
    led, camera, *events = rows()[state.name]
    row = TABLE[state]
    assert led == row.led.words
    assert camera.startswith("closed") is not row.camera
    assert camera.endswith("yes") is row.encode
    for event, cell in zip(Event, events, strict=True):
        expected = state.name if cell.startswith(".") else re.match(r"\w+", cell)[0]
        assert step(state, event).name == expected, (state, event)


def test_every_event_is_legal_in_every_state() -> None:
    assert {step(state, event) for state in State for event in Event} == set(State)


def test_the_leds_can_be_told_apart() -> None:
    patterns = [(row.led.on, row.led.off) for row in TABLE.values()]
    assert len(set(patterns)) == len(State)
    assert all(on > 0 for on, off in patterns), "dark means that the service is not running"
