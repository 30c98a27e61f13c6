"""The window: pixels out, keys in. The only folder that knows pygame; all of it is called from the main thread."""

from __future__ import annotations

import functools
import math
import os
import sys
import time
from pathlib import Path

from lenswire.errors import LenswireError
from lenswire.viewer import overlay
from lenswire.viewer.decoder import Size, decode, decoded_size
from lenswire.viewer.overlay import Area, Look, Overlay, Row
from lenswire.viewer.window import lettering
from lenswire.viewer.window.keys import KEYS, Action, Number, Point, Wish
from lenswire.viewer.window.lettering import COLOURS, DARK
from lenswire.viewer.window.toolkit import pygame

__all__ = ["Action", "Number", "Point", "Window", "Wish"]

EMPTY: Size = (960, 540)  # before the first picture tells its size
SMALLEST: Size = (160, 120)  # a smaller window shows no legible word
DOUBLE_CLICK = 0.4  # seconds, as desktops have it
DIM = (130, 130, 130)  # a stale picture keeps half of its light
NAMED_KEYS = {
    pygame.K_ESCAPE: Action.BACK,
    pygame.K_KP_ENTER: Action.ENLARGE,
    pygame.K_LEFT: Action.LEFT,
    pygame.K_RIGHT: Action.RIGHT,
    pygame.K_UP: Action.UP,
    pygame.K_DOWN: Action.DOWN,
}


class Window:
    """A window that shows JPEGs, each scaled to fit its place. Raises LenswireError where none can be opened."""

    def __init__(self, title: str, *, fullscreen: bool = False) -> None:
        self._clicked = -math.inf
        self._fullscreen, self._windowed = False, EMPTY
        try:
            if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"} & os.environ.keys():
                raise pygame.error("neither DISPLAY nor WAYLAND_DISPLAY is set")
            pygame.display.init()
            if pygame.display.get_driver() == "offscreen":  # what SDL falls back to
                raise pygame.error("the display does not answer")
            self._window = pygame.Window(title, EMPTY, resizable=True)
        except pygame.error as error:
            pygame.display.quit()
            raise LenswireError(f"no window can be opened here: {error} (record and snapshot need none)") from None
        pygame.font.init()
        self._window.minimum_size = SMALLEST
        if fullscreen:
            self._toggle_fullscreen()

    def close(self) -> None:
        self._window.destroy()
        pygame.quit()

    # In

    def wishes(self) -> list[Wish]:
        """What was wanted since the last call, in order. Full screen is dealt with here."""
        return [wish for event in pygame.event.get() if (wish := self._wish(event))]

    def _wish(self, event: pygame.Event) -> Wish | None:
        if event.type == pygame.QUIT:
            return Action.QUIT
        if event.type in (pygame.WINDOWEXPOSED, pygame.WINDOWSIZECHANGED):
            return Action.REDRAW
        if event.type == pygame.KEYDOWN:
            return self._key(event)
        if event.type == pygame.MOUSEBUTTONDOWN and event.button == pygame.BUTTON_LEFT:
            return self._click(event)
        return None

    def _key(self, event: pygame.Event) -> Wish | None:
        if event.unicode.lower() == "f" or (event.key == pygame.K_ESCAPE and self._fullscreen):
            return self._toggle_fullscreen()
        return NAMED_KEYS.get(event.key) or KEYS.get(event.unicode.lower())

    def _click(self, event: pygame.Event) -> Wish:
        before, self._clicked = self._clicked, time.monotonic()
        if self._clicked - before > DOUBLE_CLICK:
            return Point(*event.pos)
        self._clicked = -math.inf  # a third click is the first of the next two
        return self._toggle_fullscreen()

    def _toggle_fullscreen(self) -> Action:
        self._fullscreen = not self._fullscreen
        pygame.mouse.set_visible(not self._fullscreen)
        if self._fullscreen:
            self._windowed = self._window.size
            # Without a window manager (a kiosk, Xvfb) nobody else does it. Of several screens, we do not know on which.
            if len(screens := pygame.display.get_desktop_sizes()) == 1:
                self._window.size, self._window.position = screens[0], (0, 0)
            self._window.set_fullscreen(desktop=True)
        else:
            self._window.set_windowed()
            self._place(self._windowed)
        return Action.REDRAW

    def _place(self, size: Size) -> None:
        self._window.size, self._window.position = size, pygame.WINDOWPOS_CENTERED

    # Out

    @property
    def size(self) -> Size:
        """In pixels."""
        return self._window.get_surface().get_size()

    def suit(self, picture: Size) -> None:
        """Take a picture's own size, as far as the desktop allows; at the end of full screen, if it is on."""
        self._windowed = overlay.first_size(picture, pygame.display.get_desktop_sizes()[0])
        if not self._fullscreen:
            self._place(self._windowed)

    def clear(self) -> None:
        """Dark everywhere: the pictures that follow leave something free."""
        self._window.get_surface().fill(DARK)

    def draw(self, jpeg: bytes | memoryview | None, over: Overlay, area: Area) -> bool:
        """Draw a picture and what is written on it. False if the JPEG is damaged: half of it may be there."""
        screen = self._window.get_surface()
        place = screen if area == (0, 0, *screen.get_size()) else screen.subsurface(area)
        if jpeg is None:
            place.fill(DARK)
        elif not _draw_picture(place, jpeg, over.look):
            return False
        lettering.write(place, over)
        return True

    def flip(self, title: str, help: tuple[Row, ...] = ()) -> None:
        """Show what was drawn; the help over all of it, which has to be drawn anew for that."""
        if help:
            lettering.write_help(self._window.get_surface(), help)
        self._window.flip()
        if title != self._window.title:
            self._window.title = title

    def save(self, path: Path) -> None:
        """What the window shows, as PNG. Raises LenswireError."""
        try:
            pygame.image.save(self._window.get_surface(), path)
        except (pygame.error, OSError) as error:
            raise LenswireError(f"{path}: the screenshot cannot be written: {error}") from None


# The picture


def _draw_picture(place: pygame.Surface, jpeg: bytes | memoryview, look: Look) -> bool:
    size = decoded_size(jpeg, place.get_size())
    if not size:
        return False
    target = place if _takes(place, size) else _canvas(size)
    # The buffer locks its surface, so no name may keep it. It is writable, which pygame does not say of it.
    if not decode(jpeg, place.get_size(), target.get_buffer()):  # type: ignore[arg-type]
        return False
    picture = place.subsurface(overlay.fit(size, place.get_size()))
    if target is not place:
        if picture.get_size() != place.get_size():
            place.fill(DARK)
        _put(target, picture)
    if look is not Look.LIVE:
        _mark(picture, look)
    return True


def _takes(place: pygame.Surface, size: Size) -> bool:
    """Pixels can be decoded straight into the window: 0.2 ms less at 720p."""
    same = place.get_masks() == _canvas((1, 1)).get_masks() and place.get_bitsize() == 32
    return same and place.get_size() == size and place.get_pitch() == 4 * size[0]


@functools.lru_cache(maxsize=4)
def _canvas(size: Size) -> pygame.Surface:
    """Decoded pixels on their way; cameras of one size share it."""
    return pygame.Surface(size, 0, 32)


def _put(picture: pygame.Surface, place: pygame.Surface) -> None:
    if picture.get_size() == place.get_size():
        place.blit(picture, (0, 0))
    elif place.get_bitsize() == 32:
        pygame.transform.smoothscale(picture, place.get_size(), place)
    else:  # a display of 16 bits, which smoothscale does not write
        place.blit(pygame.transform.smoothscale(picture, place.get_size()), (0, 0))


def _mark(picture: pygame.Surface, look: Look) -> None:
    if look is Look.STALE:
        # Of a copy: on a part of a surface grayscale() takes rows for shorter than they are (pygame-ce 2.5.8).
        picture.blit(pygame.transform.grayscale(picture.copy()), (0, 0))
        picture.fill(DIM, special_flags=pygame.BLEND_RGB_MULT)
    border = max(4, picture.get_height() // 120)
    pygame.draw.rect(picture, COLOURS[look], picture.get_rect(), border)
