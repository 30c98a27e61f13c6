"""The panel in its place: a whole device on mock pins, pressed and looked at. Its time is the real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gpiozero import GPIOZeroError
from gpiozero.pins.mock import MockFactory

from lenswire.device.config import CameraConfig, Config, PanelConfig, ServerConfig
from lenswire.device.panel import Deeds, Loop, Panel
from lenswire.device.panel.gpio import GpioPanel, Pins
from lenswire.device.service import Service
from lenswire.device.state import Event, State

LIMIT = 20.0  # seconds to wait for what must come
NEVER, SOON = 60.0, 0.2  # hold times: one that no stall of this machine reaches, one worth waiting for
PRESS = 0.05  # seconds, many times the bounce time


class Porch:
    """A device, its pins, and its state directory."""

    def __init__(self, directory: Path, hold: float) -> None:
        self.directory, self.factory = directory, MockFactory()
        config = Config(
            name="porch",
            camera=CameraConfig(source="pattern", size="64x48", fps=30),
            server=ServerConfig(listen="127.0.0.1:0"),
            panel=PanelConfig(sensor_led=22, hold=hold, bounce=0.001),
        )
        self.service = Service(config, directory, panel=self.panel)
        self.button, self.led, self.sensor = (self.factory.pin(line) for line in (17, 27, 22))

    def panel(self, config: PanelConfig, deeds: Deeds, loop: Loop, directory: Path) -> Panel:
        assert directory == self.directory
        return GpioPanel(config, Pins(self.factory, (GPIOZeroError,)), deeds, loop)

    @property
    def state(self) -> State:
        return self.service.control.state

    async def press(self) -> None:
        self.button.drive_low()
        await asyncio.sleep(PRESS)
        self.button.drive_high()


@asynccontextmanager
async def porch(directory: Path, hold: float = NEVER) -> AsyncIterator[Porch]:
    device = Porch(directory, hold)
    device.service.start()
    try:
        yield device
    finally:
        await device.service.stop()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.005)


def test_the_button_closes_the_sensor_and_opens_it_again(tmp_path: Path) -> None:
    async def run() -> None:
        async with porch(tmp_path) as device:
            await until(lambda: device.sensor.state)
            await device.press()
            await until(lambda: device.state is State.STOPPED)
            assert device.service.control.reason == "toggle by the button"
            await until(lambda: not device.sensor.state)
            await device.press()
            await until(lambda: device.state is State.READY and device.sensor.state)

    asyncio.run(run())


def test_a_hold_keeps_a_picture_and_does_not_toggle(tmp_path: Path) -> None:
    async def run() -> None:
        async with porch(tmp_path, hold=SOON) as device:
            await until(lambda: device.service.status().captured)
            device.button.drive_low()
            await until(lambda: list(tmp_path.glob("snapshots/*.jpg")))
            device.button.drive_high()
            await asyncio.sleep(PRESS)
            assert device.state is not State.STOPPED

    asyncio.run(run())
    (picture,) = tmp_path.glob("snapshots/*.jpg")
    assert picture.read_bytes().startswith(b"\xff\xd8")


def test_the_light_follows_the_state_and_the_end_is_dark(tmp_path: Path) -> None:
    async def run() -> None:
        async with porch(tmp_path) as device:
            await until(lambda: device.led.state)
            device.service.control.post(Event.WATCHED)
            shown = len(device.led.states)
            assert device.led.state
            await asyncio.sleep(0.8)  # READY would have gone dark by now
            assert len(device.led.states) == shown, "steady while somebody watches"
        assert not device.led.state
        assert not device.sensor.state

    asyncio.run(run())
