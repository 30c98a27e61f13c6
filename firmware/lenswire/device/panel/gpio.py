"""Buttons and lights on GPIO lines. The only file that imports gpiozero."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gpiozero import DigitalInputDevice, DigitalOutputDevice, GPIOZeroError

from lenswire.device.config import PanelConfig
from lenswire.device.panel import Deeds, Loop
from lenswire.device.panel.button import Button
from lenswire.device.panel.lamp import Lamp
from lenswire.device.state import TABLE, State
from lenswire.errors import PanelError

log = logging.getLogger(__name__)

_PULLS = {"up": True, "down": False, "none": None}


class Pins(NamedTuple):
    """A gpiozero pin factory, and what it raises when a line cannot be had."""

    factory: Any
    refusals: tuple[type[Exception], ...]


def lgpio_pins(chip: int, directory: Path, environment: Mapping[str, str] = os.environ) -> Pins:
    """The lines of /dev/gpiochip<chip>; -1 for those of this board's header.

    directory: for lgpio's pipe, unless systemd gave a RuntimeDirectory=. Raises PanelError; ImportError without lgpio.
    """
    if runtime := environment.get("RUNTIME_DIRECTORY"):
        directory = Path(runtime.split(":")[0])
    try:
        # lgpio makes a pipe in the working directory while it is imported, and fails where it cannot.
        with contextlib.chdir(directory):
            import lgpio
            from gpiozero.pins.lgpio import LGPIOFactory
    except OSError as error:
        raise PanelError(
            f"lgpio could not make its pipe in {directory}: {(error.strerror or str(error)).lower()}"
        ) from None
    refusals = GPIOZeroError, lgpio.error, OSError
    try:
        return Pins(LGPIOFactory(None if chip < 0 else chip), refusals)
    except refusals as error:
        raise PanelError(
            f"the GPIO chip: {_words(error)} ('lenswire doctor' shows the chips and who may use them)"
        ) from None


class GpioPanel:
    """The panel of these settings on these pins, which are closed with it. Raises PanelError, naming the setting."""

    def __init__(self, config: PanelConfig, pins: Pins, deeds: Deeds, loop: Loop) -> None:
        self._config, self._pins, self._loop = config, pins, loop
        self._claimed = contextlib.ExitStack()
        self._claimed.callback(self._let_go, pins.factory)
        try:
            self._light_sensor = self._light("sensor_led", config.sensor_led)
            self._lamp = Lamp(self._light("led", config.led), loop)
            self._claimed.callback(self._lamp.stop)
            self._button("button", config.button, config.hold, deeds.toggle, deeds.snapshot)
            self._button("shutdown_button", config.shutdown_button, config.shutdown_hold, _nothing, deeds.shut_down)
        except PanelError:
            self.close()
            raise

    def show(self, state: State) -> None:
        self._lamp.play(TABLE[state].led)

    def acknowledge(self) -> None:
        self._lamp.flicker()

    def sensor(self, is_open: bool) -> None:
        self._light_sensor(is_open)

    def close(self) -> None:
        self._claimed.close()

    # Inside

    def _light(self, setting: str, line: int) -> Callable[[bool], None]:
        """What switches the light on this line; a light that is not there takes it without a word."""
        if line < 0:
            return _no_light
        device = self._claim(setting, line, DigitalOutputDevice, active_high=self._config.led_high)

        def switch(on: bool) -> None:
            if not device.closed:  # the state may still change while the service ends
                device.value = on

        return switch

    def _button(
        self, setting: str, line: int, hold: float, pressed: Callable[[], object], held: Callable[[], object]
    ) -> None:
        if line < 0:
            return
        config, loop = self._config, self._loop
        pull = _PULLS[config.pull]
        # gpiozero wants to know the active level of a line that it does not pull. We read the level itself.
        device = self._claim(
            setting, line, DigitalInputDevice, pull_up=pull, active_state=True if pull is None else None
        )
        button = Button(lambda: bool(device.pin.state) is config.button_high, config.bounce, hold, loop, pressed, held)
        self._claimed.callback(button.stop)
        device.when_activated = device.when_deactivated = lambda: loop.call_soon_threadsafe(button.edge)
        if button.down:
            log.warning("! panel.%s: GPIO %d is down already: nothing until it is let go", setting, line)

    def _claim(self, setting: str, line: int, kind: Callable[..., Any], **how: object) -> Any:
        try:
            device = kind(line, pin_factory=self._pins.factory, **how)
        except self._pins.refusals as error:
            raise PanelError(f"panel.{setting}: GPIO {line} cannot be had: {_words(error)}") from None
        self._claimed.callback(self._let_go, device)
        return device

    def _let_go(self, owner: Any) -> None:
        # gpiozero gives a line back by claiming it once more, and lgpio was seen to find it busy then (virtual Pi, once
        # in some 400 times). The kernel has it back when the process ends.
        with contextlib.suppress(*self._pins.refusals):
            owner.close()


def _words(error: Exception) -> str:
    return str(error).strip("'")  # lgpio quotes its own words


def _nothing() -> None: ...


def _no_light(on: bool) -> None: ...
