"""Names for what the viewer saves by itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lenswire.viewer.files import named, of_camera, timed, unused

MOMENT = time.mktime((2025, 1, 31, 14, 25, 30, 0, 0, -1))


@pytest.mark.parametrize(
    ("camera", "name"),
    [
        ("porch", "lenswire-porch-20250131-142530.jpg"),
        ("192.168.1.7:8880", "lenswire-192.168.1.7-8880-20250131-142530.jpg"),
        ("../../etc/passwd", "lenswire-etc-passwd-20250131-142530.jpg"),
        ("Küche", "lenswire-Küche-20250131-142530.jpg"),
        ("..", "lenswire-camera-20250131-142530.jpg"),
    ],
)
def test_a_name_tells_camera_and_moment(camera: str, name: str) -> None:
    assert named(camera, MOMENT, ".jpg") == Path(name)


def test_a_file_of_the_users_naming_gets_camera_and_moment_before_its_suffix() -> None:
    assert of_camera(Path("films/walk.mkv"), "192.168.1.7:8880") == Path("films/walk-192.168.1.7-8880.mkv")
    assert timed(Path("films/walk.mkv"), MOMENT) == Path("films/walk-20250131-142530.mkv")


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "walk.mkv"
    taken = []
    for _ in range(3):
        taken.append(unused(path))
        taken[-1].touch()
    assert [path.name for path in taken] == ["walk.mkv", "walk-2.mkv", "walk-3.mkv"]
