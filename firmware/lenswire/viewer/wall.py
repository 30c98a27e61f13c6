"""One window with a picture, or with those of several cameras: who is seen where, and what the keys do."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lenswire.errors import ConnectError, NoPicture
from lenswire.link import Target
from lenswire.messages import Watch
from lenswire.viewer import overlay
from lenswire.viewer.connection import Stream
from lenswire.viewer.files import of_camera
from lenswire.viewer.overlay import Area
from lenswire.viewer.pane import OpenStream, Pane
from lenswire.viewer.replay import Memory
from lenswire.viewer.window import Action, Number, Point, Window, Wish

# A new picture is taken at once; keys wait for it, or so long. pygame's own wait for both looks 1000 times a second
# (pygame-ce issue 1541): 3.6 % of a core when idle, and pictures 0.5 ms later. This is 0.4 %, and nothing at 30 fps.
KEYS = 0.04  # seconds
FRESH = 0.2  # seconds: so often the age of a picture that stands is written anew
SETTLED = 0.3  # seconds that a window must keep its size before cameras are asked for pictures that fit


class Wall:
    """All of it is called from the main thread. Nothing that happens to one camera is seen at another."""

    def __init__(
        self,
        window: Window,
        targets: Sequence[Target],
        watch: Watch | None = None,
        *,
        split: float = 0.0,
        open_stream: OpenStream = Stream,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """watch: the most that is wanted of each."""
        self._window, self._clock = window, clock
        self._news = threading.Event()
        memory, several = Memory(), len(targets) > 1
        self._panes = [
            Pane(
                target,
                watch or Watch(),
                open_stream,
                memory.replay(),
                self._news.set,
                clock,
                number=number if several else 0,
                split=split,
            )
            for number, target in enumerate(targets, 1)
        ]
        self._selected, self._large = 0, not several
        self._help = self._done = False
        self._figures = True
        if several:
            window.suit(overlay.first_grid(len(targets)))
        self._size, self._resized = window.size, -math.inf

    def run(self, *, record: Path | None = None, screenshot: Path | None = None, seconds: float | None = None) -> int:
        """Show the cameras until the window is closed, or for so many seconds. Raises LenswireError."""
        end = self._clock() + (seconds or math.inf) * 1e9
        try:
            if record:
                for pane in self._panes:
                    pane.record(of_camera(record, pane.target.label) if pane.number else record)
            self._ask()
            for pane in self._panes:
                pane.start()
            with contextlib.suppress(KeyboardInterrupt):
                while not self._done and self._clock() < end:
                    self.turn()
            if screenshot:
                self._window.save(screenshot)
        finally:
            for pane in self._panes:
                pane.stop()
            self._window.close()
        if seconds and not any(pane.begun for pane in self._panes):
            raise NoPicture(self._panes[0].stream.problem or f"no picture came within {seconds:g} s")
        return 0

    def turn(self) -> None:
        """Wait for a picture or a key, and show what is new. Raises what ended all streams, if there was no picture."""
        self._news.wait(KEYS)
        self._news.clear()
        self._show([pane for pane in self._panes if pane.take()])  # before the keys: looking for them takes 0.1 ms
        wishes = self._window.wishes()
        for wish in wishes:
            self._act(wish)
        for pane in self._panes:
            pane.look_after()
        self._give_up()
        self._ask()
        if wishes:
            self._window.clear()
        late = self._clock() - FRESH * 1e9
        self._show(self._panes if wishes else [pane for pane in self._panes if pane.drawn < late])

    def _give_up(self) -> None:
        failures = [failure for pane in self._panes if (failure := pane.failure)]
        if len(failures) < len(self._panes):
            return
        raise failures[0] if len(failures) == 1 else ConnectError("; ".join(map(str, failures)))

    # Who is seen, and where

    @property
    def _places(self) -> dict[Pane, Area]:
        """Those that are seen."""
        if self._large:
            return {self._panes[self._selected]: (0, 0, *self._window.size)}
        return dict(zip(self._panes, overlay.grid(len(self._panes), self._window.size)[1], strict=True))

    def _ask(self) -> None:
        """For as much of each camera as is seen of it."""
        now, size = self._clock(), self._window.size
        if size != self._size:
            self._size, self._resized = size, now
        if now - self._resized < SETTLED * 1e9:
            return
        places = self._places
        for pane, area in zip(self._panes, overlay.grid(len(self._panes), size)[1], strict=True):
            pane.ask(None if self._large and pane in places else area[2:], hidden=pane not in places)

    def _show(self, panes: Sequence[Pane]) -> None:
        """Draw these, as far as they are seen, and show them together."""
        if len(self._panes) == 1 and panes and (picture := panes[0].picture) and not panes[0].begun:
            self._window.suit((picture.frame.width, picture.frame.height))
        places = self._places
        seen = [pane for pane in (self._panes if self._help and panes else panes) if pane in places]
        if not seen:
            return
        if self._help:
            self._window.clear()  # it is half transparent, and written over all of it
        for pane in seen:
            if not self._draw(pane, places[pane]):
                pane.damaged()
                self._draw(pane, places[pane])  # again the one before
        title = ", ".join(pane.camera for pane in places)
        self._window.flip(f"{title} - lenswire", self._rows if self._help else ())
        now = self._clock()
        for pane in seen:
            pane.shown(now)

    def _draw(self, pane: Pane, area: Area) -> bool:
        selected = not self._large and pane is self._panes[self._selected]
        over = pane.overlay(selected=selected, panel=self._large and not self._help, figures=self._figures)
        return self._window.draw(pane.picture.frame.jpeg if pane.picture else None, over, area)

    @property
    def _rows(self) -> tuple[overlay.Row, ...]:
        return overlay.HELP_SEVERAL if len(self._panes) > 1 else overlay.HELP

    # What the keys do

    def _act(self, wish: Wish) -> None:
        pane = self._panes[self._selected]
        match wish:
            case Action.QUIT:
                self._done = True
            case Action.BACK if self._large and pane.number:
                self._large = False
            case Action.BACK:
                self._done = True
            case Action.FIGURES:
                self._figures = not self._figures
            case Action.HELP:
                self._help = not self._help
            case Action.PAUSE:
                pane.pause()
            case Action.TOGGLE:
                pane.toggle_camera()
            case Action.SNAPSHOT:
                pane.save_picture()
            case Action.RECORD:
                pane.toggle_recording()
            case Action.REPLAY:
                pane.save_replay()
            case _ if pane.number:
                self._choose(wish)

    def _choose(self, wish: Wish) -> None:
        """One of several cameras, or all of them."""
        match wish:
            case Action.GRID:
                self._large = False
            case Action.ENLARGE:
                self._large = not self._large
            case Action.LEFT | Action.RIGHT | Action.UP | Action.DOWN:
                self._step(wish)
            case Number() if wish <= len(self._panes):
                self._large = not (self._large and self._selected == wish - 1)
                self._selected = wish - 1
            case Point() if not self._large:
                for number, (left, top, width, height) in enumerate(self._places.values()):
                    if 0 <= wish.x - left < width and 0 <= wish.y - top < height:
                        self._selected, self._large = number, True

    def _step(self, wish: Action) -> None:
        """To the camera beside it, or to the next in turn while one is large."""
        row = 1 if self._large else overlay.grid(len(self._panes), self._window.size)[0]
        wanted = self._selected + {Action.LEFT: -1, Action.RIGHT: 1, Action.UP: -row}.get(wish, row)
        if 0 <= wanted < len(self._panes):
            self._selected = wanted
