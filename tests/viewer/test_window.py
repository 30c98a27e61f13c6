"""The window, by its pixels."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pygame
import pytest
from numpy.typing import NDArray
from window_pixels import BLUE, RED, OpenWindow, close_to, picture, pixels, show

from lenswire.errors import LenswireError
from lenswire.viewer import overlay
from lenswire.viewer.overlay import HELP, Banner, Look, Overlay, Row
from lenswire.viewer.window import Action, Window
from lenswire.viewer.window.lettering import DARK, WHITE
from lenswire.viewer.window.lettering import RED as ALARM
from programs import need

NOT_LIVE = Overlay(look=Look.STALE, banner=Banner("NOT LIVE: 3.4 s old", "the connection is lost"))
BARS = DARK[::-1]


def changed(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """Where two screens differ: left, top, right, bottom, as parts of the screen."""
    rows, columns = np.nonzero((before != after).any(2))
    height, width = before.shape[:2]
    return columns.min() / width, rows.min() / height, columns.max() / width, rows.max() / height


# The picture


def test_a_picture_of_the_windows_size_is_shown_as_it_is(open_window: OpenWindow) -> None:
    window = open_window()
    window.suit((640, 480))
    assert show(window, picture(), Overlay())
    shown = pixels(window)
    assert shown.shape == (480, 640, 3)
    assert all(close_to(shown[y, x], BLUE if x < 320 else RED) for y in (0, 240, 479) for x in (0, 318, 322, 639))


def test_a_wide_window_has_bars_beside_the_picture(open_window: OpenWindow) -> None:
    window = open_window()
    window.suit((800, 300))
    show(window, picture(), Overlay())
    shown = pixels(window)
    left, top, width, height = overlay.fit((640, 480), (800, 300))
    assert (left, top, width, height) == (200, 0, 400, 300)
    assert close_to(shown[150, left - 1], BARS)
    assert close_to(shown[150, left + 1], BLUE)
    assert close_to(shown[0, left + width // 2 + 4], RED)
    assert close_to(shown[299, left + width], BARS)


def test_a_high_window_has_bars_above_and_below(open_window: OpenWindow) -> None:
    window = open_window()
    window.suit((320, 600))
    show(window, picture(), Overlay())
    shown = pixels(window)
    assert close_to(shown[179, 160], BARS)
    assert close_to(shown[181, 10], BLUE)
    assert close_to(shown[418, 310], RED)
    assert close_to(shown[420, 160], BARS)


@pytest.mark.parametrize("size", [(160, 120), (320, 240), (500, 375), (640, 480), (900, 675)])
def test_it_is_scaled_to_any_size(open_window: OpenWindow, size: tuple[int, int]) -> None:
    window = open_window()
    window.suit(size)
    show(window, picture(), Overlay())
    shown = pixels(window)
    assert shown.shape == (size[1], size[0], 3)
    assert close_to(shown[-1, 0], BLUE)
    assert close_to(shown[-1, size[0] // 2 - 5], BLUE)
    assert close_to(shown[0, size[0] // 2 + 5], RED)
    assert close_to(shown[0, -1], RED)


def test_the_window_never_grows_over_the_desktop(open_window: OpenWindow) -> None:
    window = open_window()
    window.suit((4000, 3000))
    show(window, picture(), Overlay())
    assert pixels(window).shape == (691, 921, 3)


def test_nothing_is_left_of_what_was_shown_before(open_window: OpenWindow) -> None:
    window = open_window()
    window.suit((640, 480))
    show(window, picture(), Overlay(look=Look.PAUSED, banner=Banner("PAUSED"), panel=(("fps", "30.0"),)), HELP)
    show(window, picture((640, 200)), Overlay())
    shown = pixels(window)
    assert (np.abs(shown[:139].astype(int) - BARS) <= 1).all()
    assert (np.abs(shown[341:].astype(int) - BARS) <= 1).all()


@pytest.mark.parametrize("size", [(640, 480), (500, 400)])
def test_a_damaged_picture_is_not_shown(open_window: OpenWindow, size: tuple[int, int]) -> None:
    window = open_window()
    window.suit(size)
    good = picture()
    show(window, good, Overlay())
    before = pixels(window)
    assert not show(window, picture(left=(0, 200, 0))[:1500], Overlay())
    assert not show(window, b"no JPEG", Overlay())
    assert show(window, good, Overlay())
    assert np.array_equal(pixels(window), before)


# Marks


def test_a_picture_that_is_not_live_cannot_be_taken_for_one(open_window: OpenWindow) -> None:
    window = open_window()
    window.suit((640, 480))
    show(window, picture(), NOT_LIVE)
    shown = pixels(window)
    alarm = ALARM[::-1]
    assert all(close_to(shown[y, x], alarm) for y, x in ((0, 0), (240, 0), (479, 320), (240, 639)))
    inside = shown[200:440, 20:620].astype(int)
    assert (inside.max(2) - inside.min(2) <= 2).all()  # no colour
    assert inside.max() < 100  # and dark
    banner = shown[13:60, 150:490]
    assert (banner == alarm).all(2).mean() > 0.3


def test_the_frame_is_around_the_picture_not_the_bars(open_window: OpenWindow) -> None:
    window = open_window()
    window.suit((800, 300))
    show(window, picture(), NOT_LIVE)
    shown = pixels(window)
    assert close_to(shown[299, 199], BARS)
    assert close_to(shown[299, 200], ALARM[::-1])


def test_a_paused_picture_keeps_its_colours_in_an_amber_frame(open_window: OpenWindow) -> None:
    window = open_window()
    window.suit((640, 480))
    show(window, picture(), Overlay(look=Look.PAUSED, banner=Banner("PAUSED: 3.4 s old")))
    shown = pixels(window)
    assert close_to(shown[300, 100], BLUE)
    assert close_to(shown[300, 500], RED)
    assert close_to(shown[479, 0], (8, 160, 240))


@pytest.mark.parametrize(
    ("over", "within"),
    [
        (Overlay(panel=(("fps", "30.0"), ("age", "8.4 ± 0.3 ms"))), (0, 0.7, 0.5, 1)),
        (Overlay(label="1   porch   34 ms"), (0, 0.9, 0.5, 1)),
        (Overlay(banner=Banner("PAUSED: 3.4 s old", "why")), (0.1, 0, 0.9, 0.3)),
        (Overlay(recording="REC 3 s"), (0.6, 0.8, 1, 1)),
        (Overlay(notice="saved"), (0.6, 0.8, 1, 1)),
        (HELP, (0.1, 0.2, 0.9, 0.8)),
    ],
)
def test_each_piece_has_its_place(
    open_window: OpenWindow,
    over: Overlay | tuple[Row, ...],
    within: tuple[float, float, float, float],
) -> None:
    window = open_window()
    window.suit((640, 480))
    show(window, picture(), Overlay())
    plain = pixels(window)
    if isinstance(over, Overlay):
        show(window, picture(), over)
    else:
        show(window, picture(), Overlay(), over)
    left, top, right, bottom = changed(plain, pixels(window))
    assert within[0] < left < right < within[2]
    assert within[1] < top < bottom < within[3]


def test_pictures_stand_beside_each_other_each_with_its_own_marks(open_window: OpenWindow) -> None:
    window = open_window()
    window.suit((640, 480))
    left, right = (0, 0, 320, 480), (320, 0, 318, 478)
    window.draw(picture(), Overlay(), left)
    window.flip("")
    before = pixels(window)
    window.draw(picture((318, 478)), NOT_LIVE, right)
    window.flip("")
    shown = pixels(window)
    assert np.array_equal(shown[:, :320], before[:, :320])
    assert close_to(shown[470, 321], ALARM[::-1])
    assert len(np.unique(shown[200:440, 330:470].reshape(-1, 3), axis=0)) == 1  # of one colour, as it came
    assert len(np.unique(shown[200:440, 490:630].reshape(-1, 3), axis=0)) == 1
    assert not window.draw(b"no JPEG", Overlay(), right)
    window.clear()
    window.draw(None, Overlay(selected=True), left)
    window.flip("")
    shown = pixels(window)
    assert close_to(shown[240, 1], WHITE[::-1])
    assert close_to(shown[240, 10], BARS)
    assert close_to(shown[240, 500], BARS)


def test_words_are_legible_on_black_and_on_white(open_window: OpenWindow) -> None:
    window = open_window()
    for shade in (0, 255):
        show(window, picture(left=(shade, shade, shade)), Overlay(panel=(("fps", "30.0"),) * 8))
        box = pixels(window)[-40:-20, 20:120]
        assert box.max() > 200
        assert np.median(box) < 60


def test_a_long_sentence_stays_within_the_window(open_window: OpenWindow) -> None:
    window = open_window()
    window.suit((320, 240))
    show(window, picture(), Overlay())
    plain = pixels(window)
    show(window, picture(), Overlay(banner=Banner("NOT LIVE: 59 min 59 s old", "a very long reason " * 8)))
    left, _, right, _ = changed(plain, pixels(window))
    assert left > 0.01
    assert right < 0.99


def test_without_a_picture_the_words_stand_on_dark(open_window: OpenWindow) -> None:
    window = open_window()
    assert show(window, None, Overlay(look=Look.EMPTY, banner=Banner("Connecting to porch")))
    shown = pixels(window)
    assert close_to(shown[0, 0], BARS)
    assert shown[150:300].max() > 200


# Where there is none


def test_a_screenshot_is_what_the_window_shows(open_window: OpenWindow, tmp_path: Path) -> None:
    window = open_window()
    show(window, picture(), NOT_LIVE)
    window.save(tmp_path / "shown.png")
    assert np.array_equal(cv2.imread(str(tmp_path / "shown.png")), pixels(window))


def test_a_screenshot_that_cannot_be_written_is_one_sentence(open_window: OpenWindow, tmp_path: Path) -> None:
    with pytest.raises(LenswireError, match="cannot be written"):
        open_window().save(tmp_path / "no" / "shown.png")


@pytest.mark.parametrize("display", [None, ":4242"])
def test_without_a_display_it_says_so(monkeypatch: pytest.MonkeyPatch, display: str | None) -> None:
    for name in ("SDL_VIDEODRIVER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if display:
        monkeypatch.setenv("DISPLAY", display)
    with pytest.raises(LenswireError, match="no window can be opened here"):
        Window("porch")


# On a real X server


@pytest.fixture
def x_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    need("Xvfb", "xdotool", "import")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as display:
        monkeypatch.setenv("DISPLAY", f":{display.readline().strip()}")
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    yield
    server.terminate()
    server.wait()


def test_on_x11_the_pixels_are_on_the_screen_and_keys_come_back(x_server: None, tmp_path: Path) -> None:
    window = Window("porch", fullscreen=True)
    show(window, picture((800, 600)), Overlay())
    subprocess.run(["import", "-window", "root", str(tmp_path / "screen.png")], check=True)
    surface = pygame.image.load(tmp_path / "screen.png")
    assert surface.get_at((0, 0))[:3] == pytest.approx(BLUE[::-1], abs=6)
    assert surface.get_at((799, 599))[:3] == pytest.approx(RED[::-1], abs=6)
    subprocess.run(["xdotool", "key", "r"], check=True)
    end, wishes = time.monotonic() + 10, window.wishes()
    while Action.RECORD not in wishes:
        assert time.monotonic() < end
        wishes = window.wishes()
    window.close()
