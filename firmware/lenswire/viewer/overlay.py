"""What is written on the picture, and where the picture stands: words and layout, no pixels."""

from __future__ import annotations

import enum
import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from lenswire.viewer.reception import UNKNOWN, Received, Statistics

if TYPE_CHECKING:
    from lenswire.messages import Status
    from lenswire.viewer.meter import Figures
    from lenswire.viewer.recorder import Recorder

STALE = 1.0  # seconds: the law of age. An older picture is marked as not live
LINE = 1.2  # height of a line, in heights of its text
COLUMNS = 44  # characters of a value in the panel; longer ones are continued on the next row

MARGIN = 1  # pixels around each of several pictures
SHAPE = 16, 9  # what the layout of several pictures is made for
FIRST = 800, 450  # each of them in a new window

Row: TypeAlias = tuple[str, str]  # what, and its value
Area: TypeAlias = tuple[int, int, int, int]  # left, top, width, height

HELP: tuple[Row, ...] = (
    ("q  Esc", "quit (Esc leaves full screen first)"),
    ("f", "full screen, also by a double click"),
    ("space", "pause, and go on"),
    ("s", "save the picture, exactly as it came"),
    ("r", "record, and stop recording"),
    ("b", "save the last 30 s, which are kept in memory"),
    ("i", "figures on and off"),
    ("t", "switch the camera off and on, at the device"),
    ("?  h", "this help"),
)
HELP_SEVERAL: tuple[Row, ...] = (
    ("1 - 9", "one camera large, also by a click; again: all of them"),
    ("arrows", "select a camera: the keys below are for it"),
    ("Enter", "the selected camera large, and back"),
    ("g  Esc", "back to all cameras"),
    *HELP,
)


class Look(enum.Enum):
    EMPTY = "empty"  # there is no picture yet
    LIVE = "live"  # the picture as it is
    PAUSED = "paused"  # as it is, in an amber frame: somebody wants to look at it
    STALE = "stale"  # grey and dark, in a red frame: nobody must take it for now


class Banner(NamedTuple):
    """What must not be missed; it cannot be switched off."""

    title: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Overlay:
    """All that is drawn over one picture."""

    look: Look = Look.LIVE
    banner: Banner | None = None
    panel: tuple[Row, ...] = ()
    label: str = ""  # where there is no panel
    recording: str = ""
    notice: str = ""
    selected: bool = False  # of several


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides whether the picture is live. age: of the picture that is shown, s; None: there is none yet."""

    camera: str = ""  # its name
    age: float | None = None
    paused: bool = False
    selected: bool = True  # keys are for this camera
    connected: bool = False
    problem: str = ""
    status: Status | None = None


# Words


def banner(now: Situation) -> Banner | None:
    """What stands across the picture; None while it is live."""
    reason = trouble(now)
    if now.age is None:
        return _waiting(now, reason)
    if now.paused:
        return Banner(f"PAUSED: {duration(now.age)} old", reason or ("press space to go on" if now.selected else ""))
    if reason or now.age > STALE:
        return Banner(f"NOT LIVE: {duration(now.age)} old", reason or "no newer picture has come")
    return None


def look(now: Situation) -> Look:
    """How the picture is shown."""
    if now.age is None:
        return Look.EMPTY
    if now.paused:
        return Look.PAUSED
    return Look.STALE if banner(now) else Look.LIVE


def trouble(now: Situation) -> str:
    """Why no picture can be expected just now, for a person; empty if one can."""
    if not now.connected:
        return now.problem or "there is no connection"
    match now.status and now.status.state.lower():
        case "stopped":
            how = "; press t to switch it on" if now.selected else ""
            return f"the camera is switched off{_because(now.status)}{how}"
        case "fault":
            return f"the camera has failed{_because(now.status)}; the device is trying again"
    return ""


def label(number: int, now: Situation, figures: Figures | None) -> str:
    """Which of several cameras this is, and how it does."""
    parts = [str(number), now.camera]
    if not now.connected:
        parts.append("not connected")
    elif now.status and now.status.state in ("STOPPED", "FAULT"):
        parts.append(now.status.state.lower())
    elif figures:
        parts += [f"{_milliseconds(figures.age)} ms", f"{figures.fps:.0f} fps"]
    return "   ".join(parts)


def recording(recorder: Recorder) -> str:
    """That a recording is going on, and how it goes."""
    lost = f"  {recorder.dropped} DROPPED" if recorder.dropped else ""
    return f"REC  {duration(recorder.seconds)}  {recorder.bytes / 1e6:.1f} MB{lost}"


def duration(seconds: float) -> str:
    """3.4 s, 41 s, 2 min 05 s, 3 h 12 min."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    minutes, seconds = divmod(int(seconds), 60)
    if minutes < 1:
        return f"{seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"


def _waiting(now: Situation, reason: str) -> Banner:
    if not now.connected:
        return Banner(f"Connecting to {now.camera}", reason if now.problem else "")
    return Banner("No picture yet", reason or f"{now.camera} is connected; waiting for its first picture")


def _because(status: Status | None) -> str:
    return f": {status.reason}" if status and status.reason else ""


# The panel of figures


def panel(now: Situation, received: Received, figures: Figures, statistics: Statistics, tls: bool) -> tuple[Row, ...]:
    """The figures, the most wanted first."""
    frame = received.frame
    rows = [
        ("fps", f"{figures.fps:.1f}"),
        ("age", _age(figures.age, received.clock_error)),
        ("size", f"{frame.width} × {frame.height}"),
        ("bitrate", f"{figures.bitrate / 1e6:.1f} Mbit/s"),
        ("dropped", _dropped(statistics.dropped, figures)),
    ]
    if status := now.status:
        rows += [
            ("state", status.state.lower() if now.connected else "not connected"),
            ("camera", f"{now.camera}, {status.camera}"),
            ("encoder", status.encoder + (f": {status.encoder_reason}" if status.encoder_reason else "")),
        ]
    link = "TLS" if tls else "NOT ENCRYPTED"
    if received.clock_error == UNKNOWN:  # the article's dialect has neither credit nor pings
        rows.append(("link", link))
    else:
        rows.append(("credit", f"{statistics.window} frames in flight"))
        rows.append(("link", f"{link}, round trip {statistics.rtt_ms:.1f} ms"))
    return tuple(folded for row in rows for folded in _fold(row))


def _fold(row: Row) -> list[Row]:
    lines = textwrap.wrap(row[1], COLUMNS) or [""]
    return [(row[0], lines[0]), *(("", line) for line in lines[1:])]


def _dropped(before: int, figures: Figures) -> str:
    damaged = f", {figures.damaged} damaged" if figures.damaged else ""
    return f"{before} before they came, {figures.late} at the screen{damaged}"


def _age(seconds: float, clock_error: int) -> str:
    if clock_error == UNKNOWN:
        return f"{_milliseconds(seconds)} ms since it came; the device does not say when it was captured"
    return f"{_milliseconds(seconds)} ± {_milliseconds(clock_error / 1e9)} ms, camera to screen"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f}" if seconds < 0.01 else f"{seconds * 1000:.0f}"


# Layout, in pixels


def fit(picture: tuple[int, int], window: tuple[int, int]) -> Area:
    """Where the picture stands. As large as the window allows, its shape kept, centred."""
    scale = min(window[0] / picture[0], window[1] / picture[1])
    width, height = max(1, round(picture[0] * scale)), max(1, round(picture[1] * scale))
    return (window[0] - width) // 2, (window[1] - height) // 2, width, height


def grid(count: int, window: tuple[int, int]) -> tuple[int, list[Area]]:
    """How many columns so many pictures stand in, and where: such that they are largest. Sizes are even, as those are
    that a device scales to."""
    if count == 1:
        return 1, [(0, 0, *window)]

    def scale(columns: int) -> float:
        return round(min(window[0] / columns / SHAPE[0], window[1] / math.ceil(count / columns) / SHAPE[1]), 3)

    columns = max(range(count, 0, -1), key=scale)  # rather beside each other
    width, height = window[0] // columns, window[1] // math.ceil(count / columns)
    size = max(2, (width - 2 * MARGIN) & ~1), max(2, (height - 2 * MARGIN) & ~1)
    places = [(i % columns * width + MARGIN, i // columns * height + MARGIN) for i in range(count)]
    return columns, [(*place, *size) for place in places]


def first_grid(count: int) -> tuple[int, int]:
    """A new window's size for so many pictures, before it is fitted to the desktop."""
    columns = math.ceil(math.sqrt(count))
    return columns * FIRST[0], math.ceil(count / columns) * FIRST[1]


def first_size(picture: tuple[int, int], desktop: tuple[int, int]) -> tuple[int, int]:
    """A new window's size: the picture's own, or what fits well within the desktop."""
    room = desktop[0] * 9 // 10, desktop[1] * 9 // 10
    return picture if picture[0] <= room[0] and picture[1] <= room[1] else fit(picture, room)[2:]


def text_height(window: tuple[int, int]) -> int:
    """The font's size: legible in a small window, not tiny on a large screen."""
    return max(13, min(window[0] // 64, window[1] // 40))


def rows_that_fit(area: tuple[int, int], text: int) -> int:
    """So many rows of text so high leave most of the picture free."""
    return max(2, int(0.4 * area[1] / (LINE * text)))


def wrap(text: str, width: int, character: float) -> list[str]:
    """Lines of a text no wider than `width`, with characters so wide on the average."""
    return textwrap.wrap(text, max(16, int(width / character))) or [""]
