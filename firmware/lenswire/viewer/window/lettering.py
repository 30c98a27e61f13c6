"""What is written on a picture. Each piece is an image of its own, drawn once while its words stay the same."""

from __future__ import annotations

import functools
from typing import TypeAlias

from lenswire.viewer import overlay
from lenswire.viewer.decoder import Size
from lenswire.viewer.overlay import Look, Overlay, Row
from lenswire.viewer.window.toolkit import pygame

FONTS = "segoeui,helveticaneue,dejavusans,notosans,liberationsans,arial"
BUNDLED = 1.4  # pygame's own font, where none of these is installed, is so much smaller at the same nominal size
CHARACTER = 0.55  # mean width of a character, in heights
KEPT = 32  # images: nine cameras have a label and two pieces of banner each
SELECTED = 3  # pixels: the frame of the selected camera

Colour: TypeAlias = tuple[int, ...]
WHITE, GREY, DARK = (244, 246, 248), (158, 168, 180), (11, 13, 17)
RED, AMBER, BOX = (206, 32, 52), (240, 160, 8), (11, 13, 17, 212)
COLOURS: dict[Look, Colour] = {Look.EMPTY: BOX, Look.LIVE: BOX, Look.PAUSED: AMBER, Look.STALE: RED}


def write(place: pygame.Surface, over: Overlay) -> None:
    """All but the help, within the picture's place."""
    height = overlay.text_height(place.get_size())
    area = place.get_rect().inflate(-2 * height, -2 * height)
    if over.panel:
        panel = _table(over.panel[: overlay.rows_that_fit(area.size, height)], height)
        place.blit(panel, panel.get_rect(bottomleft=area.bottomleft))
    elif over.label:
        _stack(place, area, "bottomleft", [(over.label, height, BOX)])
    # In a small place the two would meet.
    right = area.move(0, -3 * height) if over.label and over.notice else area
    _stack(place, right, "bottomright", [(over.recording, height, RED), (over.notice, height, BOX)])
    if over.banner:
        top = area.move(0, area.height // 3 if over.look is Look.EMPTY else 0)
        title, detail = over.banner
        _stack(place, top, "midtop", [(title, 2 * height, COLOURS[over.look]), (detail, height, BOX)])
    if over.selected:
        pygame.draw.rect(place, WHITE, place.get_rect(), SELECTED)


def write_help(screen: pygame.Surface, rows: tuple[Row, ...]) -> None:
    """In the middle of the window."""
    table = _table(rows, overlay.text_height(screen.get_size()))
    screen.blit(table, table.get_rect(center=screen.get_rect().center))


def _stack(place: pygame.Surface, area: pygame.Rect, side: str, labels: list[tuple[str, int, Colour]]) -> None:
    """Labels below each other from a top side, above each other from a bottom side."""
    for text, height, colour in labels:
        if text:
            label = _label(tuple(overlay.wrap(text, area.width, CHARACTER * height)), height, colour)
            place.blit(label, label.get_rect(**{side: getattr(area, side)}))
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


@functools.lru_cache(maxsize=KEPT)
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
