"""The panel: a button or two and a light or two on the device itself, or nothing of the kind.

The pins say what happened, the event loop decides what it means: their callbacks only call `call_soon_threadsafe`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lenswire.device.config import PanelConfig
from lenswire.device.state import State
from lenswire.errors import PanelError

if TYPE_CHECKING:
    from lenswire.device.panel.gpio import Pins

log = logging.getLogger(__name__)

_PACKAGES = "sudo apt install python3-gpiozero python3-lgpio, and a virtual environment with --system-site-packages"


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> None: ...


class Loop(Protocol):
    """What the panel needs of the event loop."""

    def call_soon_threadsafe(self, callback: Callable[[], object], /) -> object: ...

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Timer: ...


class Deeds(NamedTuple):
    """What the buttons do. All of them are called on the event loop."""

    toggle: Callable[[], object]
    snapshot: Callable[[], object]
    shut_down: Callable[[], object]


class Panel(Protocol):
    """Shows what the device does. Called on the event loop, but for sensor()."""

    def show(self, state: State) -> None:
        """Play the pattern of this state, at once; the same state again disturbs nothing."""
        ...

    def acknowledge(self) -> None:
        """Something that was asked for has been done: a short flicker."""
        ...

    def sensor(self, is_open: bool) -> None:
        """The sensor is about to be opened, or has been closed. Called in the capture thread."""
        ...

    def close(self) -> None:
        """Go dark and give the lines back. A second call is no error."""
        ...


class NoPanel:
    """A device without buttons and lights."""

    def show(self, state: State) -> None: ...

    def acknowledge(self) -> None: ...

    def sensor(self, is_open: bool) -> None: ...

    def close(self) -> None: ...


# At power-on the service may be there before udev has given it the lines. Seconds between attempts.
AGAIN = 0.5, 1.0, 2.0, 4.0, 8.0, 15.0


class LatePanel:
    """A panel whose lines cannot be had yet. Until they can, it is no panel, and remembers what it has to show."""

    def __init__(self, claim: Callable[[], Panel], loop: Loop) -> None:
        """claim raises PanelError; it is called again, on the event loop, some times."""
        self._claim, self._loop = claim, loop
        self._panel: Panel = NoPanel()
        self._state: State | None = None
        self._sensor_open = False
        self._left = list(AGAIN)
        self._next: Timer | None = None
        self._wait()

    def show(self, state: State) -> None:
        self._state = state
        self._panel.show(state)

    def acknowledge(self) -> None:
        self._panel.acknowledge()

    def sensor(self, is_open: bool) -> None:
        self._sensor_open = is_open
        self._panel.sensor(is_open)

    def close(self) -> None:
        if self._next:
            self._next.cancel()
        self._panel.close()

    # Inside

    def _wait(self) -> None:
        self._next = self._loop.call_later(self._left.pop(0), self._try)

    def _try(self) -> None:
        self._next = None
        try:
            self._panel = self._claim()
        except PanelError as error:
            if self._left:
                self._wait()
            else:
                log.error("! no button, no LED, for good: %s", error)
            return
        log.info("= button and LED are there now")
        self._panel.sensor(self._sensor_open)
        if self._state:
            self._panel.show(self._state)


def _lgpio(chip: int, directory: Path) -> Pins:
    from lenswire.device.panel import gpio

    return gpio.lgpio_pins(chip, directory)


def open_panel(
    config: PanelConfig,
    deeds: Deeds,
    loop: Loop,
    directory: Path,
    open_pins: Callable[[int, Path], Pins] = _lgpio,
    devices: Path = Path("/dev"),
) -> Panel:
    """The panel of these settings; NoPanel or LatePanel if there is none (yet), with one line in the log that says why.

    directory: where lgpio may put its file. open_pins(chip, directory) raises PanelError or ImportError.
    """
    if not config.enabled:
        log.info("= no button, no LED: panel.enabled is false")
    elif not any(devices.glob("gpiochip*")):
        log.info("= no button, no LED: this machine has no GPIO (no %s/gpiochip*)", devices)
    else:

        def claim() -> Panel:
            from lenswire.device.panel.gpio import GpioPanel

            return GpioPanel(config, open_pins(config.chip, directory), deeds, loop)

        try:
            return claim()
        except ImportError as error:
            log.info("= no button, no LED: %s: %s", error, _PACKAGES)
        except PanelError as error:
            log.warning("! no button, no LED: %s; trying again for %g s", error, sum(AGAIN))
            return LatePanel(claim, loop)
    return NoPanel()
