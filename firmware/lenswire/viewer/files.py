"""Names for the files that the viewer makes by itself."""

from __future__ import annotations

import re
import time
from itertools import count
from pathlib import Path


def named(camera: str, seconds: float, suffix: str) -> Path:
    """A new lenswire-porch-20250131-142530.jpg in the current directory, for a moment in seconds since 1970."""
    safe = re.sub(r"[^\w.-]+", "-", camera).strip("-.") or "camera"
    return unused(Path(f"lenswire-{safe}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(seconds))}{suffix}"))


def unused(path: Path) -> Path:
    """The path, or with -2, -3... before its suffix: the first that no file has."""
    if not path.exists():
        return path
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(path for path in numbered if not path.exists())
