"""A light that plays the patterns of the state table, by the event loop's timers."""

from __future__ import annotations

from collections.abc import Callable

from lenswire.device.panel import Loop, Timer
from lenswire.device.state import Led

FLICKER = Led(0.05, 0.05, "a short flicker")
FLICKER_TIME = 0.6  # seconds: long enough to be seen by somebody who still has a finger on the button


class Lamp:
    """Plays one pattern at a time on light(on)."""

    def __init__(self, light: Callable[[bool], object], loop: Loop) -> None:
        self._light, self._loop = light, loop
        self._pattern: Led | None = None
        self._next: Timer | None = None
        self._resume: Timer | None = None

    def play(self, pattern: Led) -> None:
        """Play it from now on, beginning with light. The pattern that plays already goes on as it is."""
        if pattern != self._pattern:
            self._pattern = pattern
            self._begin(pattern)

    def flicker(self) -> None:
        """Flicker for a moment, then go on with the pattern."""
        pattern = self._pattern
        if pattern:
            self._begin(FLICKER)
            self._resume = self._loop.call_later(FLICKER_TIME, lambda: self._begin(pattern))

    def stop(self) -> None:
        """Go dark."""
        self._cancel()
        self._pattern = None
        self._light(False)

    def _begin(self, pattern: Led) -> None:
        self._cancel()
        self._turn(pattern, True)

    def _turn(self, pattern: Led, on: bool) -> None:
        self._light(on)
        if pattern.off:
            seconds = pattern.on if on else pattern.off
            self._next = self._loop.call_later(seconds, lambda: self._turn(pattern, not on))

    def _cancel(self) -> None:
        for timer in (self._next, self._resume):
            if timer:
                timer.cancel()
        self._next = self._resume = None
