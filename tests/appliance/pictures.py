"""Pictures for the virtual camera: numbered, so that each is another one, as JPEG or as YUV 4:2:0."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import simplejpeg
from numpy.typing import NDArray

Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


def moving(width: int, height: int, count: int) -> Iterator[Planes]:
    """Slopes of light and colour with a bar that wanders from picture to picture: y, u and v."""
    across = np.linspace(16, 220, width, dtype=np.uint8)
    y = np.broadcast_to(across, (height, width)).copy()
    u = np.broadcast_to(across[::2], (height // 2, width // 2)).copy()
    v = u[:, ::-1].copy()
    bar = max(8, width // count)
    for number in range(count):
        shown = y.copy()
        left = number * (width - bar) // max(1, count - 1)
        shown[:, left : left + bar] = 235
        yield shown, u, v


def noise(width: int, height: int, count: int) -> Iterator[Planes]:
    """What no encoder can make small."""
    random = np.random.default_rng(1)
    for _ in range(count):
        sizes = (height, width), (height // 2, width // 2), (height // 2, width // 2)
        y, u, v = (random.integers(0, 256, size, dtype=np.uint8) for size in sizes)
        yield y, u, v


def jpeg(planes: Planes, quality: int = 80) -> bytes:
    return bytes(simplejpeg.encode_jpeg_yuv_planes(*planes, quality=quality))


def i420(planes: Planes) -> bytes:
    return b"".join(plane.tobytes() for plane in planes)
