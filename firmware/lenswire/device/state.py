"""The states of the device, as data. Pure: `control` runs the table."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Event(enum.Enum):
    START = "start"  # somebody wants the camera on
    STOP = "stop"  # somebody wants it off
    TOGGLE = "toggle"  # the button, or a command
    WATCHED = "watched"  # the first viewer came
    UNWATCHED = "unwatched"  # the last viewer went
    LOST = "lost"  # open failed, no frame while one was due, encoder died
    FOUND = "found"  # a frame came


class State(enum.Enum):
    STOPPED = "stopped"  # the sensor is closed; viewers stay connected and are told
    READY = "ready"  # the sensor is open; nobody watches, nothing is encoded
    STREAMING = "streaming"  # somebody watches
    FAULT = "fault"  # the camera is lost; it is tried again, less and less often


class Led(NamedTuple):
    """A pattern of light: seconds on and off, for ever. off = 0 is steady."""

    on: float
    off: float
    words: str


class Row(NamedTuple):
    """What a state means for the outside, and where events lead; an event that is not there changes nothing."""

    led: Led
    camera: bool  # the pipeline keeps the camera open, or tries to
    encode: bool
    next: dict[Event, State]


E, S = Event, State
TABLE: dict[State, Row] = {
    S.STOPPED: Row(
        Led(0.1, 2.9, "a short blip every 3 s"),
        camera=False,
        encode=False,
        next={E.START: S.READY, E.TOGGLE: S.READY},
    ),
    S.READY: Row(
        Led(0.5, 0.5, "slow blink, once a second"),
        camera=True,
        encode=False,
        next={E.STOP: S.STOPPED, E.TOGGLE: S.STOPPED, E.WATCHED: S.STREAMING, E.LOST: S.FAULT},
    ),
    S.STREAMING: Row(
        Led(1.0, 0.0, "steady on"),
        camera=True,
        encode=True,
        next={E.STOP: S.STOPPED, E.TOGGLE: S.STOPPED, E.UNWATCHED: S.READY, E.LOST: S.FAULT},
    ),
    S.FAULT: Row(
        Led(0.1, 0.1, "fast blink, 5 times a second"),
        camera=True,
        encode=False,
        next={E.STOP: S.STOPPED, E.TOGGLE: S.STOPPED, E.FOUND: S.READY},
    ),
}


def step(state: State, event: Event) -> State:
    """Where an event leads from a state. Every event is legal in every state."""
    return TABLE[state].next.get(event, state)
