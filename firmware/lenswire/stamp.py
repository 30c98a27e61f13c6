"""The capture time as blocks in the picture: a program that sees only pixels can tell how old they are.

Two rows of 32 cells across the whole width at the top; a cell is as high as it is wide. Dark is 0, light is 1:
8 bits of marker, 48 bits of CLOCK_MONOTONIC microseconds, 8 bits of CRC-8, most significant first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARKER = 0xA5  # four bits set and four not: their mean is the level between dark and light, whatever became of them
CELLS = 32  # a row
DARK, LIGHT = 16, 235  # inside both full and limited range, so that no conversion clips them
# Where a cell is sampled: around its centre, clear of the blur and the ringing that JPEG leaves at the edges.
SAMPLES = np.array((0.35, 0.5, 0.65))


def draw(y_plane: NDArray[np.uint8], microseconds: int) -> None:
    """Write the time into the top rows of a luma plane (height, width)."""
    cell = height(y_plane.shape[1])
    levels = np.where(_bits(microseconds), np.uint8(LIGHT), np.uint8(DARK))
    cell_of_column = np.arange(y_plane.shape[1]) * CELLS // y_plane.shape[1]
    for row in range(2):
        y_plane[row * cell : (row + 1) * cell] = levels[row][cell_of_column]


def height(width: int) -> int:
    """How high a cell is in a picture so wide; the stamp has two."""
    return round(width / CELLS)


def read(gray: NDArray[np.uint8]) -> int | None:
    """The time in a picture (height, width) of any size, in microseconds; None if there is none to be read."""
    rows, columns = gray.shape
    # The shape that it was drawn in: this one, or the usual ones if it was squeezed since.
    for aspect in (columns / rows, 16 / 9, 4 / 3):
        bits = _sample(gray, rows * aspect / CELLS, columns / CELLS)
        content = np.packbits(bits).tobytes()
        if content[0] == MARKER and _crc8(content[1:7]) == content[7]:
            return int.from_bytes(content[1:7], "big")
    return None


def _sample(gray: NDArray[np.uint8], cell_height: float, cell_width: float) -> NDArray[np.bool_]:
    rows, columns = _centres(2, cell_height), _centres(CELLS, cell_width)
    samples = gray[np.minimum(rows, len(gray) - 1)][:, columns]
    levels = samples.reshape(2, len(SAMPLES), CELLS, len(SAMPLES)).mean((1, 3))
    bits: NDArray[np.bool_] = levels > levels[0, :8].mean()
    return bits


def _centres(cells: int, size: float) -> NDArray[np.int64]:
    centres: NDArray[np.int64] = ((np.arange(cells)[:, None] + SAMPLES) * size).astype(np.int64).ravel()
    return centres


def _bits(microseconds: int) -> NDArray[np.bool_]:
    time = (microseconds % (1 << 48)).to_bytes(6, "big")
    content = bytes((MARKER, *time, _crc8(time)))
    return np.unpackbits(np.frombuffer(content, np.uint8)).reshape(2, CELLS).astype(bool)


def _crc8(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07 if crc & 0x80 else crc << 1) & 0xFF
    return crc
