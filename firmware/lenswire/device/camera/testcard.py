"""What the pattern camera shows, drawn once when it opens: a landscape to pan over, and the things that lie on it.

Lengths are in units of a sixteenth of a 16:9 picture's width, so that the card looks the same at every size.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]
    Real = NDArray[np.float32]

FONT = cv2.FONT_HERSHEY_DUPLEX
INK = (236, 240, 242)
SLATE = (38, 28, 22)  # BGR, as all colours here
# How far and how light a ridge is: from the haze at the horizon to the trees in front.
RIDGES = (
    (0.44, 0.10, (178, 150, 128)),
    (0.54, 0.12, (140, 112, 84)),
    (0.66, 0.14, (86, 84, 52)),
    (0.80, 0.13, (38, 52, 30)),
)
BARS = ((192, 192, 192), (0, 192, 192), (192, 192, 0), (0, 192, 0), (192, 0, 192), (0, 0, 192), (192, 0, 0))


class Tile(NamedTuple):
    """A drawing as planes: y (rows, columns), u and v of half the rows and columns; masks say where it is opaque."""

    planes: tuple[Plane, Plane, Plane]
    masks: tuple[NDArray[np.bool_], ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        rows, columns = self.planes[0].shape
        return columns, rows


def unit(width: int, height: int) -> float:
    return min(width / 16, height / 9)


def even(length: float) -> int:
    """The nearest even number of pixels, as chroma has one sample for two; at least 2."""
    return max(2, 2 * round(length / 2))


# The drawings


def period(width: int) -> int:
    """After how many columns the landscape begins anew."""
    return 2 * width


def landscape(width: int, height: int) -> Tile:
    """Sky and hills: one period, and one picture more, the same as at its beginning."""
    columns = period(width)
    noise = _noise(height, columns, 1.3, 20)
    scene = _sky(columns, height) + np.clip(noise * 26, -12, 90)[..., None]
    for number, (level, roughness, colour) in enumerate(RIDGES):
        crest = height * (level + roughness * _noise(1, columns, 1.4, 40 + number)[0] / 2.5)
        below = np.arange(height, dtype=np.float32)[:, None] - crest.astype(np.float32)
        texture = np.roll(noise, columns * number // 5, 1) * (7 + 6 * number)
        _raise_ridge(scene, below, texture, np.array(colour, np.float32))
    scene = np.concatenate((scene, scene[:, : even(width + 1)]), axis=1)
    return _planes(np.clip(scene, 0, 255).astype(np.uint8))


def balloon(u: float) -> Tile:
    """A hot-air balloon, striped, with its basket."""
    width, height = even(1.8 * u), even(2.5 * u)
    colour, mask = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    middle, radius = width // 2, width // 2 - 1
    for k, stripe in enumerate(((60, 76, 231), (240, 246, 248), (60, 76, 231), (240, 246, 248), (60, 76, 231))):
        axes = (max(1, round(radius * (1 - k / 4.6))), radius)
        cv2.ellipse(colour, (middle, radius), axes, 0, 0, 360, stripe, -1, cv2.LINE_AA)
    cv2.circle(mask, (middle, radius), radius, 255, -1)
    foot, half = round(2.05 * u), round(0.22 * u)
    skirt = np.array([(round(0.25 * u), round(1.45 * u)), (width - round(0.25 * u), round(1.45 * u))])
    cv2.fillPoly(colour, [np.array([*skirt, (middle + half, foot), (middle - half, foot)])], (44, 56, 190))
    cv2.fillPoly(mask, [np.array([*skirt, (middle + half, foot), (middle - half, foot)])], 255)
    for image, ink in ((colour, (60, 96, 140)), (mask, (255,))):
        cv2.rectangle(image, (middle - half, foot), (middle + half, height - 2), ink, -1)
    return _planes(colour, mask)


def panel(width: int, height: int, fps: float) -> Tile:
    """The strip along the bottom: name and size, room for the clock, colour bars, grey steps, lines to resolve."""
    u = unit(width, height)
    strip = np.full((even(1.5 * u), even(width - 0.8 * u), 3), SLATE, np.uint8)
    _write(strip, "lenswire", (0.3 * u, 0.72 * u), 0.5 * u, INK)
    _write(strip, f"{width} x {height}   {fps:g} fps", (0.32 * u, 1.22 * u), 0.26 * u, (190, 180, 170))
    right = strip[:, -round(4.2 * u) : -max(1, round(0.3 * u))]
    third = max(1, right.shape[0] // 4)
    right[third // 2 : third // 2 + third] = _steps(np.array(BARS), right.shape[1])
    right[third // 2 + third : third // 2 + 2 * third] = _steps(
        np.linspace(0, 255, 11)[:, None].repeat(3, 1), right.shape[1]
    )
    right[third // 2 + 2 * third : third // 2 + 3 * third] = _sweep(right.shape[1])[None, :, None]
    return _planes(strip)


def dial(u: float) -> Tile:
    """A round clock face whose hand, drawn by whoever shows it, goes round once a second."""
    side = even(2.2 * u)
    face, mask = np.zeros((side, side, 3), np.uint8), np.zeros((side, side), np.uint8)
    middle, radius = side // 2, side // 2 - 1
    cv2.circle(mask, (middle, middle), radius, 255, -1)
    cv2.circle(face, (middle, middle), radius, INK, -1, cv2.LINE_AA)
    cv2.circle(face, (middle, middle), round(radius * 0.94), SLATE, -1, cv2.LINE_AA)
    for tick in range(20):
        inner = 0.72 if tick % 5 == 0 else 0.82
        start, stop = (point((middle, middle), radius * part, tick / 20) for part in (inner, 0.9))
        cv2.line(face, start, stop, INK, max(1, round(u / 30)), cv2.LINE_AA)
    return _planes(face, mask)


def glyphs(u: float) -> dict[str, Plane]:
    """The clock's characters as luma, each in a cell of the same size; a colon and a point have half of it."""
    cells = {}
    for character in "0123456789:.":
        cell = np.full((even(u), even(0.6 * u if character.isdigit() else 0.3 * u), 3), SLATE, np.uint8)
        (width, _), _ = cv2.getTextSize(character, FONT, 1, 1)
        scale = _scale(0.8 * u)
        _write(cell, character, ((cell.shape[1] - width * scale) / 2, 0.88 * u), 0.8 * u, INK)
        cells[character] = _planes(cell).planes[0]
    return cells


def point(middle: tuple[int, int], radius: float, turn: float) -> tuple[int, int]:
    """Where a hand of this length ends, after so many turns from the top."""
    angle = 2 * math.pi * turn
    return round(middle[0] + radius * math.sin(angle)), round(middle[1] - radius * math.cos(angle))


# How they are made


def _sky(width: int, height: int) -> Real:
    stops = np.array([(112, 62, 30), (150, 104, 66), (178, 168, 150), (150, 190, 226)], np.float32)
    levels = np.minimum(np.linspace(0, 2 * len(stops) - 2, height), len(stops) - 1)
    rows = np.stack([np.interp(levels, range(len(stops)), stops[:, c]) for c in range(3)], -1).astype(np.float32)
    return np.repeat(rows[:, None], width, 1)


def _raise_ridge(scene: Real, below: Real, texture: Real, colour: Real) -> None:
    """below: how far a pixel lies under the ridge's crest."""
    top = max(0, int(np.argmax(below.max(1) > -1)))
    below, texture = below[top:], texture[top:]
    # The crest is soft over one pixel, or its edge would flicker as it moves.
    cover = np.clip(below + 0.5, 0, 1)[..., None]
    lit = np.float32(1.12) - np.clip(below / len(scene), 0, 1)[..., None]
    scene[top:] += cover * (colour * lit + texture[..., None] - scene[top:])


def _noise(rows: int, columns: int, slope: float, seed: int) -> Real:
    """Random detail with the spectrum of natural pictures; ends meet; mean 0, deviation 1."""
    random = np.random.default_rng(seed)
    down, across = np.fft.fftfreq(rows) * rows, np.fft.rfftfreq(columns) * columns
    frequency = np.hypot(down[:, None], across[None])
    frequency[0, 0] = np.inf
    phases = random.random(frequency.shape, np.float32) * np.float32(2 * np.pi)
    field = np.fft.irfft2(frequency**-slope * np.exp(1j * phases), (rows, columns)).astype(np.float32)
    result: Real = field / field.std()
    return result


def _steps(colours: NDArray[np.generic], columns: int) -> Plane:
    return colours[np.arange(columns) * len(colours) // columns].astype(np.uint8)


def _sweep(columns: int) -> Plane:
    """Lines that grow finer from left to right, to three pixels a pair."""
    x = np.arange(columns) / columns
    return (128 + 110 * np.sin(2 * np.pi * columns * (x / 40 + x * x / 6))).astype(np.uint8)


def _scale(height: float) -> float:
    """The font's scale at which its capitals are so high."""
    high: int = cv2.getTextSize("0", FONT, 1, 1)[0][1]
    return height / high


def _write(image: Plane, text: str, at: tuple[float, float], height: float, ink: tuple[int, int, int]) -> None:
    where = round(at[0]), round(at[1])
    cv2.putText(image, text, where, FONT, _scale(height), ink, max(1, round(height / 14)), cv2.LINE_AA)


def _planes(bgr: Plane, mask: Plane | None = None) -> Tile:
    """BGR of an even size as the planes that JPEG has: full range, BT.601."""
    y, v, u = cv2.split(cv2.cvtColor(bgr, cv2.COLOR_BGR2YCrCb))
    half = bgr.shape[1] // 2, (bgr.shape[0] + 1) // 2
    planes = (y, *(cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in (u, v)))
    if mask is None:
        return Tile(planes)
    opaque, small = mask > 127, cv2.resize(mask, half, interpolation=cv2.INTER_AREA) > 127
    return Tile(planes, (opaque, small, small))
