"""Waiting for what will come, but nobody knows when."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 60.0  # seconds for anything to happen on a busy machine
GLANCE = 0.01


def until(condition: Callable[[], T], what: str | Callable[[], str], limit: float = PATIENCE) -> T:
    """Wait for something to become true, and return it. Raises AssertionError naming what did not come."""
    end = time.monotonic() + limit
    while not (result := condition()):
        assert time.monotonic() < end, f"waited {limit:g} s in vain for {what if isinstance(what, str) else what()}"
        time.sleep(GLANCE)
    return result
