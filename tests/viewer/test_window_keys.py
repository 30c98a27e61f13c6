"""What the window makes of keys and clicks."""

from __future__ import annotations

import pygame
import pytest
from window_pixels import OpenWindow, click, picture, pixels, press, show

from lenswire.viewer.overlay import HELP_SEVERAL, Overlay
from lenswire.viewer.window import Action, Point
from lenswire.viewer.window.keys import KEYS

NAMES = {" ": "space", "\x1b": "Esc", "\r": "Enter", **dict.fromkeys("123456789", "1 - 9")}


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_understood_and_in_the_help(open_window: OpenWindow, key: str) -> None:
    window = open_window()
    press(key)
    press(key.upper())
    assert window.wishes() == [KEYS[key]] * 2
    name = NAMES.get(key, key)
    assert any(name in (keys, *keys.split()) for keys, _ in HELP_SEVERAL)


def test_arrows_are_understood(open_window: OpenWindow) -> None:
    window = open_window()
    for key in ("left", "right", "up", "down"):
        press(key)
    assert window.wishes() == [Action.LEFT, Action.RIGHT, Action.UP, Action.DOWN]


def test_other_keys_do_nothing(open_window: OpenWindow) -> None:
    window = open_window()
    press("x")
    press("0")
    assert window.wishes() == []


def test_escape_leaves_full_screen_first(open_window: OpenWindow) -> None:
    window = open_window()
    sizes = []
    for key in ("f", "\x1b"):
        press(key)
        assert Action.REDRAW in window.wishes()
        show(window, picture(), Overlay())
        sizes.append(pixels(window).shape[:2])
    assert sizes == [(768, 1024), (540, 960)]
    window.wishes()
    press("\x1b")
    assert window.wishes() == [Action.BACK]


def test_full_screen_from_the_start_ends_in_the_pictures_size(open_window: OpenWindow) -> None:
    window = open_window(fullscreen=True)
    window.suit((640, 480))
    show(window, picture(), Overlay())
    assert pixels(window).shape == (768, 1024, 3)
    press("f")
    window.wishes()
    show(window, picture(), Overlay())
    assert pixels(window).shape == (480, 640, 3)


def test_a_click_tells_where_and_a_double_click_is_full_screen(open_window: OpenWindow) -> None:
    window = open_window()
    click((30, 40))
    assert window.wishes() == [Point(30, 40)]
    click()
    assert Action.REDRAW in window.wishes()
    assert pixels(window).shape == (768, 1024, 3)
    click()
    window.wishes()
    assert pixels(window).shape == (768, 1024, 3)


def test_the_close_button_quits(open_window: OpenWindow) -> None:
    window = open_window()
    pygame.event.post(pygame.Event(pygame.QUIT))
    assert window.wishes() == [Action.QUIT]
