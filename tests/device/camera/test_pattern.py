"""The test card: on time, with its capture time in it, as large as a camera's pictures, in any size."""

from __future__ import annotations

import numpy as np
import pytest

from lenswire import stamp
from lenswire.device.camera import CameraWish
from lenswire.device.camera.pattern import Pattern
from lenswire.device.encoder import turbo


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000_000_000_000

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)


def pattern(width: int = 320, height: int = 240, fps: float = 25) -> tuple[Pattern, Clock]:
    clock = Clock()
    return Pattern(CameraWish(width, height, fps), clock, clock.sleep), clock


def test_frames_are_due_at_the_rate_asked_for() -> None:
    camera, _ = pattern(fps=25)
    captured = [grab.captured for grab in (camera.grab(1) for _ in range(50)) if grab]
    assert np.diff(captured).tolist() == [40_000_000] * 49


def test_a_grab_waits_no_longer_than_it_may() -> None:
    camera, clock = pattern(fps=1)
    assert camera.grab(1)
    before = clock.now
    assert camera.grab(0.25) is None
    assert clock.now - before == 250_000_000
    assert camera.grab(1)


def test_who_comes_late_gets_the_newest_and_the_number_of_those_he_missed() -> None:
    camera, clock = pattern(fps=10)
    first = camera.grab(1)
    clock.sleep(1.05)
    late = camera.grab(1)
    assert first and late
    assert (late.captured - first.captured, late.lost) == (1_000_000_000, 9)
    following = camera.grab(1)
    assert following and (following.captured - late.captured, following.lost) == (100_000_000, 0)


def test_a_picture_carries_its_capture_time() -> None:
    camera, _ = pattern()
    for _ in range(3):
        grab = camera.grab(1)
        assert grab and stamp.read(camera.picture().planes[0]) == grab.captured // 1000


@pytest.mark.parametrize("size", [(64, 48), (161, 121), (640, 480), (641, 481), (320, 2000), (1280, 720)])
def test_every_size_can_be_encoded_and_is_exact(size: tuple[int, int]) -> None:
    camera, _ = pattern(*size)
    assert (camera.width, camera.height) == size
    for _ in range(3):
        camera.grab(1)
        picture = camera.picture()
        rows, columns = (size[1] + 1) // 2, (size[0] + 1) // 2
        assert [plane.shape for plane in picture.planes] == [size[::-1], (rows, columns), (rows, columns)]
        assert turbo.encode(picture, 80)


def test_a_size_that_cannot_be_gives_the_nearest() -> None:
    assert [(camera.width, camera.height) for camera, _ in (pattern(1, 1), pattern(640, 20))] == [(64, 48), (640, 160)]


@pytest.mark.parametrize(("size", "least", "most"), [((1280, 720), 75_000, 110_000), ((640, 480), 33_000, 60_000)])
def test_its_jpegs_are_as_large_as_a_cameras(size: tuple[int, int], least: int, most: int) -> None:
    camera, _ = pattern(*size)
    camera.grab(1)
    assert least < len(turbo.encode(camera.picture(), 80)) < most


def test_it_moves_and_comes_round() -> None:
    camera, clock = pattern(160, 120)
    seen = set()
    for _ in range(100):
        clock.sleep(1.3)
        camera.grab(1)
        seen.add(camera.picture().planes[0][60:80].tobytes())
    assert len(seen) > 90


def test_the_clock_on_it_runs() -> None:
    camera, clock = pattern(640, 480)
    pictures = []
    for _ in range(2):
        camera.grab(1)
        pictures.append(camera.picture().kept().planes[0][410:460, 180:440])
        clock.sleep(1)
    assert (pictures[0] != pictures[1]).any()
