"""A panel on gpiozero's mock pins, with a finger and an eye in front of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpiozero import GPIOZeroError
from gpiozero.pins.mock import MockFactory

from fake_loop import FakeLoop
from lenswire.device.config import PanelConfig
from lenswire.device.panel import Deeds
from lenswire.device.panel.gpio import GpioPanel, Pins

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
