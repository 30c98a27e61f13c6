"""What the person in front of the window can want, and the keys for it."""

from __future__ import annotations

import enum
from typing import NamedTuple, TypeAlias


class Action(enum.Enum):
    QUIT = "quit"
    BACK = "back"  # Esc: from one camera to all of them, else quit
    GRID = "grid"
    ENLARGE = "enlarge"  # the selected camera, or back to all of them
    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    PAUSE = "pause"
    SNAPSHOT = "snapshot"
    RECORD = "record"
    REPLAY = "replay"  # keep what came in the last seconds
    FIGURES = "figures"
    TOGGLE = "toggle"
    HELP = "help"
    REDRAW = "redraw"  # the window was uncovered, or its size is another


class Number(int):
    """The camera of this number, counted from 1, is wanted large."""


class Point(NamedTuple):
    """The picture at this place of the window was clicked at."""

    x: int
    y: int


Wish: TypeAlias = Action | Number | Point

KEYS: dict[str, Wish] = {
    "q": Action.QUIT,
    "\x1b": Action.BACK,
    "g": Action.GRID,
    "\r": Action.ENLARGE,
    " ": Action.PAUSE,
    "s": Action.SNAPSHOT,
    "r": Action.RECORD,
    "b": Action.REPLAY,
    "i": Action.FIGURES,
    "t": Action.TOGGLE,
    "?": Action.HELP,
    "h": Action.HELP,
    **{str(number): Number(number) for number in range(1, 10)},
}
