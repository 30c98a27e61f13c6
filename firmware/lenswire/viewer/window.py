"""The window: pixels out, keys in. The only file that knows pygame; all of it is called from the main thread."""

from __future__ import annotations

import enum
import functools
import math
import os
import sys
import time
from pathlib import Path
from typing import TypeAlias

from lenswire.errors import LenswireError, MissingDependency
from lenswire.viewer import overlay
from lenswire.viewer.decoder import Size, decode, decoded_size
from lenswire.viewer.overlay import Look, Overlay, Row

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
# Where the display can take pixels as they are (X11, Windows), going through a texture only costs: without a graphics
# card 5.8 ms a picture at 720p, on two cores, against 0.5 ms.
os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
try:
    import pygame
except ImportError:
    raise MissingDependency("the window needs pygame-ce: pip install 'lenswire[viewer]'") from None

EMPTY: Size = (960, 540)  # before the first picture tells its size
SMALLEST: Size = (160, 120)  # a smaller window shows no legible word
DOUBLE_CLICK = 0.4  # seconds, as desktops have it
FONTS = "segoeui,helveticaneue,dejavusans,notosans,liberationsans,arial"
BUNDLED = 1.4  # pygame's own font, where none of these is installed, is so much smaller at the same nominal size
CHARACTER = 0.55  # mean width of a character, in heights

Colour: TypeAlias = tuple[int, ...]
WHITE, GREY, DARK = (244, 246, 248), (158, 168, 180), (11, 13, 17)
RED, AMBER, BOX = (206, 32, 52), (240, 160, 8), (11, 13, 17, 212)
COLOURS: dict[Look, Colour] = {Look.EMPTY: BOX, Look.LIVE: BOX, Look.PAUSED: AMBER, Look.STALE: RED}
DIM = (130, 130, 130)  # a stale picture keeps half of its light


class Action(enum.Enum):
    """What the person in front of the window wants."""

    QUIT = "quit"
    PAUSE = "pause"
    SNAPSHOT = "snapshot"
    RECORD = "record"
    FIGURES = "figures"
    TOGGLE = "toggle"
    HELP = "help"
    REDRAW = "redraw"  # the window was uncovered, or its size is another


KEYS = {
    "q": Action.QUIT,
    " ": Action.PAUSE,
    "s": Action.SNAPSHOT,
    "r": Action.RECORD,
    "i": Action.FIGURES,
    "t": Action.TOGGLE,
    "?": Action.HELP,
    "h": Action.HELP,
}


class Window:
    """A window that shows one JPEG at a time, scaled to fit. Raises LenswireError where none can be opened."""

    def __init__(self, title: str, *, fullscreen: bool = False) -> None:
        self._canvas = pygame.Surface((1, 1), 0, 32)
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

    def actions(self) -> list[Action]:
        """What was wanted since the last call, in order. Full screen is dealt with here."""
        return [action for event in pygame.event.get() if (action := self._action(event))]

    def _action(self, event: pygame.Event) -> Action | None:
        if event.type == pygame.QUIT:
            return Action.QUIT
        if event.type in (pygame.WINDOWEXPOSED, pygame.WINDOWSIZECHANGED):
            return Action.REDRAW
        if event.type == pygame.KEYDOWN:
            return self._key(event)
        if event.type == pygame.MOUSEBUTTONDOWN and event.button == pygame.BUTTON_LEFT:
            return self._click()
        return None

    def _key(self, event: pygame.Event) -> Action | None:
        leaves = event.key == pygame.K_ESCAPE
        if event.unicode.lower() == "f" or (leaves and self._fullscreen):
            return self._toggle_fullscreen()
        return Action.QUIT if leaves else KEYS.get(event.unicode.lower())

    def _click(self) -> Action | None:
        before, self._clicked = self._clicked, time.monotonic()
        if self._clicked - before > DOUBLE_CLICK:
            return None
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

    def suit(self, picture: Size) -> None:
        """Take a picture's own size, as far as the desktop allows; at the end of full screen, if it is on."""
        self._windowed = overlay.first_size(picture, pygame.display.get_desktop_sizes()[0])
        if not self._fullscreen:
            self._place(self._windowed)

    def show(self, jpeg: bytes | memoryview | None, over: Overlay) -> bool:
        """Draw a picture and what is written on it. False if the JPEG is damaged: it is not shown."""
        screen = self._window.get_surface()
        if jpeg is None:
            screen.fill(DARK)
        elif not self._draw_picture(screen, jpeg, over.look):
            return False
        _write(screen, over)
        self._window.flip()
        if over.title != self._window.title:
            self._window.title = over.title
        return True

    def save(self, path: Path) -> None:
        """What the window shows, as PNG. Raises LenswireError."""
        try:
            pygame.image.save(self._window.get_surface(), path)
        except (pygame.error, OSError) as error:
            raise LenswireError(f"{path}: the screenshot cannot be written: {error}") from None

    # The picture

    def _draw_picture(self, screen: pygame.Surface, jpeg: bytes | memoryview, look: Look) -> bool:
        size = decoded_size(jpeg, screen.get_size())
        if not size:
            return False
        target = screen if self._takes(screen, size) else self._canvas_of(size)
        # The buffer locks its surface, so no name may keep it. It is writable, which pygame does not say of it.
        if not decode(jpeg, screen.get_size(), target.get_buffer()):  # type: ignore[arg-type]
            return False
        place = screen.subsurface(overlay.fit(size, screen.get_size()))
        if target is not screen:
            if place.get_size() != screen.get_size():
                screen.fill(DARK)
            _put(target, place)
        if look is not Look.LIVE:
            _mark(place, look)
        return True

    def _takes(self, screen: pygame.Surface, size: Size) -> bool:
        """Pixels can be decoded straight into the window: 0.2 ms less at 720p."""
        same = screen.get_masks() == self._canvas.get_masks() and screen.get_bitsize() == 32
        return same and screen.get_size() == size and screen.get_pitch() == 4 * size[0]

    def _canvas_of(self, size: Size) -> pygame.Surface:
        if self._canvas.get_size() != size:
            self._canvas = pygame.Surface(size, 0, 32)
        return self._canvas


def _put(picture: pygame.Surface, place: pygame.Surface) -> None:
    if picture.get_size() == place.get_size():
        place.blit(picture, (0, 0))
    elif place.get_bitsize() == 32:
        pygame.transform.smoothscale(picture, place.get_size(), place)
    else:  # a display of 16 bits, which smoothscale does not write
        place.blit(pygame.transform.smoothscale(picture, place.get_size()), (0, 0))


def _mark(picture: pygame.Surface, look: Look) -> None:
    if look is Look.STALE:
        picture.blit(pygame.transform.grayscale(picture), (0, 0))
        picture.fill(DIM, special_flags=pygame.BLEND_RGB_MULT)
    border = max(4, picture.get_height() // 120)
    pygame.draw.rect(picture, COLOURS[look], picture.get_rect(), border)


# What is written on it. Each piece is an image of its own, drawn once for as long as its words stay the same.


def _write(screen: pygame.Surface, over: Overlay) -> None:
    height = overlay.text_height(screen.get_size())
    area = screen.get_rect().inflate(-2 * height, -2 * height)
    if over.panel:
        panel = _table(over.panel[: overlay.rows_that_fit(area.size, height)], height)
        screen.blit(panel, panel.get_rect(bottomleft=area.bottomleft))
    if over.help:
        table = _table(over.help, height)
        screen.blit(table, table.get_rect(center=area.center))
    _stack(screen, area, "bottomright", [(over.recording, height, RED), (over.notice, height, BOX)])
    if over.banner:
        top = area.move(0, area.height // 3 if over.look is Look.EMPTY else 0)
        title, detail = over.banner
        _stack(screen, top, "midtop", [(title, 2 * height, COLOURS[over.look]), (detail, height, BOX)])


def _stack(screen: pygame.Surface, area: pygame.Rect, side: str, labels: list[tuple[str, int, Colour]]) -> None:
    """Labels below each other from a top side, above each other from a bottom side."""
    for text, height, colour in labels:
        if text:
            label = _label(tuple(overlay.wrap(text, area.width, CHARACTER * height)), height, colour)
            screen.blit(label, label.get_rect(**{side: getattr(area, side)}))
            step = label.get_height() + height // 2
            area = area.move(0, step if "top" in side else -step)


@functools.lru_cache(maxsize=8)
def _table(rows: tuple[Row, ...], height: int) -> pygame.Surface:
    """Two columns in a box."""
    font = _font(height)
    columns = [[font.render(row[i], True, colour) for row in rows] for i, colour in ((0, GREY), (1, WHITE))]
    left = max(image.get_width() for image in columns[0]) + height
    line = font.get_linesize()
    box = _box((left + max(image.get_width() for image in columns[1]), line * len(rows)), height, BOX)
    for x, column in ((height, columns[0]), (height + left, columns[1])):
        box.blits([(image, (x, height + line * i)) for i, image in enumerate(column)])
    return box


@functools.lru_cache(maxsize=8)
def _label(lines: tuple[str, ...], height: int, colour: Colour) -> pygame.Surface:
    """Centred lines in a box."""
    font = _font(height, bold=True)
    images = [font.render(text, True, WHITE if colour != AMBER else DARK) for text in lines]
    box = _box((max(image.get_width() for image in images), font.get_linesize() * len(lines)), height // 2, colour)
    for i, image in enumerate(images):
        box.blit(image, image.get_rect(midtop=(box.get_width() // 2, height // 2 + font.get_linesize() * i)))
    return box


def _box(inside: Size, margin: int, colour: Colour) -> pygame.Surface:
    box = pygame.Surface((inside[0] + 2 * margin, inside[1] + 2 * margin), pygame.SRCALPHA)
    pygame.draw.rect(box, colour, box.get_rect(), border_radius=margin // 2)
    return box


def _font(height: int, bold: bool = False) -> pygame.Font:
    file = pygame.font.match_font(FONTS, bold=bold)
    return pygame.font.Font(file, height if file else round(BUNDLED * height))
