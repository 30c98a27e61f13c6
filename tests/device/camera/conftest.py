"""picamera2 without a camera, on a board with the VideoCore's encoder or without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lenswire.device.camera.csi import videocore

FAKE = Path(__file__).parent / "fake_picamera2"


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module that `camera.csi` will import."""
    monkeypatch.syspath_prepend(str(FAKE))
    import picamera2

    yield picamera2
    for name in [name for name in sys.modules if name.split(".")[0] in ("picamera2", "libcamera")]:
        del sys.modules[name]


@pytest.fixture
def board(picamera2: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A board with the VideoCore's encoder."""
    import picamera2.platform as platform

    (tmp_path / "video11").touch()
    monkeypatch.setattr(videocore, "NODE", tmp_path / "video11")
    monkeypatch.setattr(platform, "platform", platform.Platform.VC4)
    return picamera2
