"""Pixels and keys of a real SDL window, without a screen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pygame
import simplejpeg
from numpy.typing import NDArray

from lenswire.viewer.overlay import Overlay, Row
from lenswire.viewer.window import Window

BLUE, RED = (200, 0, 0), (0, 0, 200)  # BGR


def picture(size: tuple[int, int] = (640, 480), left: tuple[int, int, int] = BLUE) -> bytes:
    """A JPEG: one colour on the left, red on the right."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[:, : size[0] // 2], image[:, size[0] // 2 :] = left, RED
    return bytes(simplejpeg.encode_jpeg(image, 95, "BGR", "444"))


def show(window: Window, jpeg: bytes | None, over: Overlay, help: tuple[Row, ...] = ()) -> bool:
    """One picture in all of the window. False if it is damaged."""
    whole = window.draw(jpeg, over, (0, 0, *window.size))
    window.flip("porch", help)
    return whole


def pixels(window: Window) -> NDArray[np.uint8]:
    """What the window shows: (height, width, 3), BGR."""
    shown = pygame.surfarray.array3d(window._window.get_surface())
    return np.ascontiguousarray(shown.transpose(1, 0, 2)[..., ::-1])


def close_to(pixel: NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= 6)


def press(key: str) -> None:
    """As if the key of this name, or the one that gives this character, had been pressed."""
    if len(key) == 1:
        code, character = ord(key), key
    else:
        code, character = pygame.key.key_code(key), ""
    pygame.event.post(pygame.Event(pygame.KEYDOWN, key=code, unicode=character, mod=0))


def click(place: tuple[int, int] = (5, 5)) -> None:
    pygame.event.post(pygame.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=place))


OpenWindow = Callable[..., Window]
