"""The command `view`: composition root of the window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lenswire.link import Target
from lenswire.messages import Watch
from lenswire.viewer.wall import Wall
from lenswire.viewer.window import Window


def run(
    targets: Sequence[Target],
    *,
    size: tuple[int, int] | None = None,
    fps: float = 0.0,
    record: Path | None = None,
    split: float = 0.0,
    fullscreen: bool = False,
    screenshot: Path | None = None,
    seconds: float | None = None,
) -> int:
    """Show cameras until the window is closed, or for so many seconds; `screenshot` is what it shows at the end.

    Raises LenswireError if there is no window, no camera that takes us, or in `seconds` no picture.
    """
    window = Window(", ".join(target.label for target in targets), fullscreen=fullscreen)
    wall = Wall(window, targets, Watch(*(size or (0, 0)), fps), split=split)
    return wall.run(record=record, screenshot=screenshot, seconds=seconds)
