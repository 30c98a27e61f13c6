"""Pixels and keys of a real SDL window, without a screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pygame
import simplejpeg
from numpy.typing import NDArray

from lenswire.viewer.window import Window

BLUE, RED = (200, 0, 0), (0, 0, 200)  # BGR


def picture(size: tuple[int, int] = (640, 480), left: tuple[int, int, int] = BLUE) -> bytes:
    """A JPEG: one colour on the left, red on the right."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[:, : size[0] // 2], image[:, size[0] // 2 :] = left, RED
    return bytes(simplejpeg.encode_jpeg(image, 95, "BGR", "444"))


def pixels(window: Window, folder: Path) -> NDArray[np.uint8]:
    """What the window shows: (height, width, 3), BGR."""
    window.save(folder / "shown.png")
    shown = cv2.imread(str(folder / "shown.png"))
    assert shown is not None
    return shown.astype(np.uint8)


def close_to(pixel: NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= 6)


def press(key: str) -> None:
    """As if the key that gives this character had been pressed."""
    code = pygame.K_ESCAPE if key == "\x1b" else ord(key)
    pygame.event.post(pygame.Event(pygame.KEYDOWN, key=code, unicode=key, mod=0))


def click() -> None:
    pygame.event.post(pygame.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=(5, 5)))


OpenWindow = Callable[..., Window]
