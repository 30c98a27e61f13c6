"""A button: from a line that chatters to a press or a hold. It reads no clock; the loop's timers tell it the time."""

from __future__ import annotations

from collections.abc import Callable

from lenswire.device.panel import Loop, Timer


class Button:
    """Calls pressed() when it is let go before `hold` seconds, held() when it has been down for so long; never both.

    is_down() reads the line; edge() is to be called whenever the line has moved; only a level that stays for `bounce`
    seconds counts. A button that is down from the beginning does nothing until it has been let go once.
    """

    def __init__(
        self,
        is_down: Callable[[], bool],
        bounce: float,
        hold: float,
        loop: Loop,
        pressed: Callable[[], object],
        held: Callable[[], object],
    ) -> None:
        self._is_down, self._bounce, self._hold, self._loop = is_down, bounce, hold, loop
        self._pressed, self._held = pressed, held
        self.down = is_down()
        self._settling: Timer | None = None
        self._holding: Timer | None = None  # while this press may still become either

    def edge(self) -> None:
        """The line has moved: look at it when it has been still for a while."""
        if self._settling:
            self._settling.cancel()
        self._settling = self._loop.call_later(self._bounce, self._look)

    def stop(self) -> None:
        """Forget a press that is under way."""
        for timer in (self._settling, self._holding):
            if timer:
                timer.cancel()
        self._settling = self._holding = None

    def _look(self) -> None:
        before, self.down = self.down, self._is_down()
        if self.down and not before:
            self._holding = self._loop.call_later(self._hold, self._long_enough)
        elif before and not self.down and self._holding:
            self._holding.cancel()
            self._holding = None
            self._pressed()

    def _long_enough(self) -> None:
        self._holding = None
        self._held()
