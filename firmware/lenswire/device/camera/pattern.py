"""A test card that moves and carries its own capture time: for demos, for tests, for a device without a camera."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lenswire import stamp
from lenswire.device.camera import CameraWish, Grab, Picture, testcard
from lenswire.device.camera.pace import Pace

if TYPE_CHECKING:
    from lenswire.device.camera.testcard import Plane, Tile

WIDTH, HEIGHT, FPS = 1280, 720, 30.0
SMALLEST = 64, 48  # a cell of the stamp is 2 pixels wide there
LARGEST = 7680, 4320
PAN = 0.8  # units of the test card a second: the landscape comes round in 40 s
GREY = 128  # chroma of what has no colour
PIXELS = 1, 2, 2  # that a sample of y, u and v stands for, each way


class Pattern:
    """The test card as a camera, in any size and at any rate."""

    description = "test card"
    compressed = False

    def __init__(
        self,
        wish: CameraWish,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.width = min(max(wish.width or WIDTH, SMALLEST[0]), LARGEST[0])
        # A quarter of the width: the stamp is as high as the picture is wide, and must leave room for the rest.
        self.height = min(max(wish.height or HEIGHT, SMALLEST[1], self.width // 4), LARGEST[1])
        self.fps = wish.fps or FPS
        self._card = Card(self.width, self.height, self.fps)
        self._wall = time.time_ns() - clock()
        self._pace = Pace(self.fps, clock, sleep)
        self._captured = 0

    def grab(self, timeout: float) -> Grab | None:
        if grab := self._pace.grab(timeout):
            self._captured = grab.captured
        return grab

    def picture(self) -> Picture:
        planes = self._card.draw(self._pace.number / self.fps, (self._captured + self._wall) / 1e9)
        stamp.draw(planes[0], self._captured // 1000)
        return Picture(self.width, self.height, planes=planes)

    def close(self) -> None:
        """There is nothing to give back."""


class Card:
    """Puts the drawings of the test card together, always in the same three planes."""

    def __init__(self, width: int, height: int, fps: float) -> None:
        self._width, self._height = width, height
        self._unit = u = testcard.unit(width, height)
        self._top = 2 * stamp.height(width)
        half = (height + 1) // 2, (width + 1) // 2
        self._planes = tuple(np.full(shape, GREY, np.uint8) for shape in ((height, width), half, half))
        self._landscape = testcard.landscape(width, height)
        self._balloon, self._dial, self._glyphs = testcard.balloon(u), testcard.dial(u), testcard.glyphs(u)
        self._panel = testcard.panel(width, height, fps)

    def draw(self, seconds: float, local_time: float) -> tuple[Plane, ...]:
        """The card after so many seconds of motion, less the stamp; its clock shows local_time (seconds since 1970)."""
        u, width, height = self._unit, self._width, self._height
        self._draw_landscape(seconds)
        x = (width - 1.8 * u) * (0.45 + 0.35 * math.sin(seconds / 5))
        self._lay(self._balloon, x, self._top + 0.2 * u + 0.06 * height * (1 + math.sin(seconds / 1.9)))
        self._lay(self._dial, width - 2.8 * u, self._top + 0.6 * u)
        self._draw_hand(seconds)
        self._lay(self._panel, 0.4 * u, height - 1.9 * u)
        self._draw_clock(local_time)
        return self._planes

    def _draw_landscape(self, seconds: float) -> None:
        left = testcard.even(seconds * PAN * self._unit) % testcard.period(self._width)
        for plane, scene, size in zip(self._planes, self._landscape.planes, PIXELS, strict=True):
            x, y = left // size, self._top // size
            plane[y:] = scene[y:, x : x + plane.shape[1]]

    def _lay(self, tile: Tile, x: float, y: float) -> None:
        """Put a drawing with its top left corner at the nearest even pixel."""
        left, top = testcard.even(x), testcard.even(y)
        masks = tile.masks or (True, True, True)
        for plane, part, mask, size in zip(self._planes, tile.planes, masks, PIXELS, strict=True):
            rows, columns = part.shape
            np.copyto(plane[top // size :, left // size :][:rows, :columns], part, where=mask)

    def _draw_hand(self, seconds: float) -> None:
        u = self._unit
        left, top = testcard.even(self._width - 2.8 * u), testcard.even(self._top + 0.6 * u)
        middle = left + self._dial.size[0] // 2, top + self._dial.size[1] // 2
        tail, tip = (testcard.point(middle, radius * u, seconds) for radius in (-0.2, 0.9))
        cv2.line(self._planes[0], tail, tip, testcard.INK, max(1, round(u / 16)), cv2.LINE_AA)

    def _draw_clock(self, local_time: float) -> None:
        text = time.strftime("%H:%M:%S", time.localtime(local_time)) + f".{int(local_time * 1000) % 1000:03d}"
        cells = [self._glyphs[character] for character in text]
        x = (self._width - round(0.6 * self._unit) - sum(cell.shape[1] for cell in cells)) // 2
        y = testcard.even(self._height - 1.9 * self._unit) + round(0.25 * self._unit)
        for cell in cells:
            rows, columns = cell.shape
            self._planes[0][y : y + rows, x : x + columns] = cell
            x += columns
