"""What --source means, and what `auto` falls back to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from lenswire.device.camera import Camera, CameraWish
from lenswire.device.camera.auto import Auto, video_nodes
from lenswire.device.camera.pattern import Pattern
from lenswire.device.camera.source import devices_changed, open_camera, opener
from lenswire.errors import CameraError, NoCamera, StandInEnds

WISH = CameraWish(160, 120, 30)


def test_pattern_gives_the_test_card() -> None:
    camera = open_camera("pattern", WISH)
    assert (camera.description, camera.width, camera.height, camera.fps) == ("test card", 160, 120, 30)


def test_file_gives_what_lies_there(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"gone\.mp4: no such file"):
        open_camera(f"file:{tmp_path}/gone.mp4", WISH)


@pytest.mark.parametrize("source", ["", "webcam", "file", "file:", "usb:", "pattern:x", "auto:1", "FILE:/x"])
def test_an_unknown_source_is_named_with_what_was_expected(source: str) -> None:
    with pytest.raises(CameraError, match="expected auto, pattern, file:PATH, csi, usb") as caught:
        opener(source, WISH)
    assert repr(source) in str(caught.value)


def refuse() -> Camera:
    raise NoCamera("no camera on USB")


def busy() -> Camera:
    raise CameraError("another program is using it")


class Webcam(Pattern):
    description = "Webcam"


def webcam() -> Camera:
    return Webcam(WISH)


def test_auto_takes_the_real_camera() -> None:
    for openers in ([webcam, refuse], [refuse, webcam], [busy, webcam]):
        assert Auto(openers, WISH)().description == "Webcam"


def test_auto_without_a_camera_shows_the_clip_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        camera = Auto([refuse], WISH)()
    assert camera.description == "bikes.mp4 (no camera found)"
    assert "no camera on USB" in caplog.text
    camera.close()


def test_auto_puts_nothing_in_the_place_of_a_camera_that_was_there() -> None:
    """A viewer must not take the clip for what the camera sees."""
    answers = iter([webcam, refuse])
    auto = Auto([lambda: next(answers)()], WISH)
    auto()
    with pytest.raises(CameraError, match="no camera on USB"):
        auto()


@pytest.mark.parametrize("openers", [[busy, refuse], [refuse, busy]])
def test_auto_puts_nothing_in_the_place_of_a_camera_that_it_may_not_have(openers: list[Callable[[], Camera]]) -> None:
    with pytest.raises(CameraError, match="another program is using it"):
        Auto(openers, WISH)()


def test_auto_takes_the_camera_that_comes_late(tmp_path: Path) -> None:
    answers = iter([refuse, refuse, webcam])
    auto = Auto([lambda: next(answers)()], WISH, lambda: video_nodes(tmp_path))
    for node in ("video0", "media0"):
        shown = auto()
        assert shown.grab(1.0)
        (tmp_path / "ttyUSB0").touch()
        assert shown.grab(1.0) and shown.picture()
        (tmp_path / node).touch()
        with pytest.raises(StandInEnds):
            for _ in range(100):  # it looks twice a second
                shown.grab(1.0)
        shown.close()
    assert auto().description == "Webcam"


def test_a_plug_is_noticed(tmp_path: Path) -> None:
    before = devices_changed(tmp_path)
    assert devices_changed(tmp_path) == before
    (tmp_path / "video0").touch()
    assert devices_changed(tmp_path) != before
