"""What a request asks for in its query: size, rate, quality, age."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from lenswire.device.rendition import Plan
from lenswire.messages import MAX_FPS, MAX_SIDE

MAX_AGE = 3_600_000  # ms
SLOWEST = 0.001  # frames per second, as in the protocol


class Wrong(ValueError):
    """A wish that means nothing; says what was expected."""


def plan(query: Mapping[str, str]) -> Plan:
    """`size=640x480&fps=5&quality=70`: at most so large and so often. What is not known here is not looked at."""
    width, height = _size(query.get("size", ""))
    fps = _number(query, "fps", "frames per second", MAX_FPS)
    quality = _number(query, "quality", "JPEG quality", 100)
    if quality != int(quality):
        raise Wrong(f"quality: expected a whole number, got {quality:g}")
    return Plan(width, height, fps and max(fps, SLOWEST), int(quality))


def max_age(query: Mapping[str, str]) -> int:
    """How old a picture may be, in ns; 0: it is taken after the request has come."""
    return int(_number(query, "max_age", "milliseconds", MAX_AGE) * 1e6)


def _size(text: str) -> tuple[int, int]:
    if not text:
        return 0, 0
    sides = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text, re.ASCII)
    if not sides or not all(1 <= int(side) <= MAX_SIDE for side in sides.groups()):
        raise Wrong(f"size: expected WIDTHxHEIGHT, such as 640x480, got {text[:40]!r}")
    return int(sides[1]), int(sides[2])


def _number(query: Mapping[str, str], key: str, what: str, most: float) -> float:
    text = query.get(key, "0")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise Wrong(f"{key}: expected {what} from 0 to {most:.0f}, got {text[:40]!r}")
    return value
