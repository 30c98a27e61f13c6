"""Fixtures of the viewer's tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from lenswire.viewer.window import Window


@pytest.fixture
def open_window(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Window]]:
    """open_window(...) -> a real window on a desktop of 1024 x 768 that nobody sees; closed with the test."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    with contextlib.ExitStack() as stack:

        def opened(**options: bool) -> Window:
            window = Window("porch", **options)
            stack.callback(window.close)
            window.wishes()
            return window

        yield opened
