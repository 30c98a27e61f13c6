"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from real_device import Device


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Device]]:
    """serve(*options) -> Device, ended with the test."""
    with contextlib.ExitStack() as stack:

        def start(*options: str, **settings: Any) -> Device:
            folder = tmp_path / f"device{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            device = Device(folder, *options, **settings)
            stack.callback(lambda: device.process.poll() is None and device.stop())
            return device

        yield start
