"""Names for the files that the viewer makes by itself."""

from __future__ import annotations

import re
import time
from itertools import count
from pathlib import Path


def named(camera: str, seconds: float, suffix: str) -> Path:
    """A new lenswire-porch-20250131-142530.jpg in the current directory, for a moment in seconds since 1970."""
    return timed(Path(f"lenswire-{safe(camera)}{suffix}"), seconds)


def timed(path: Path, seconds: float) -> Path:
    """walk.mkv -> a new walk-20250131-142530.mkv, for a moment in seconds since 1970; the time of day is local."""
    return unused(path.with_stem(f"{path.stem}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(seconds))}"))


def of_camera(path: Path, camera: str) -> Path:
    """walk.mkv -> walk-porch.mkv"""
    return path.with_stem(f"{path.stem}-{safe(camera)}")


def safe(camera: str) -> str:
    """A camera's name, or address, as part of a file's name."""
    return re.sub(r"[^\w.-]+", "-", camera).strip("-.") or "camera"


def unused(path: Path) -> Path:
    """The path, or with -2, -3... before its suffix: the first that no file has."""
    if not path.exists():
        return path
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(path for path in numbered if not path.exists())
