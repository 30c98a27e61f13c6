"""What a maker tells of what it made."""

from __future__ import annotations

import time

import pytest

from lenswire.device.camera import Picture
from lenswire.device.maker import Job, Maker
from lenswire.device.rendition import Plan, Rendition

JPEG = b"\xff\xd8picture\xff\xd9"


class Encoder:
    """Its JPEG, or the camera's."""

    name, reason = "scripted", ""

    def __init__(self, jpeg: bytes | None) -> None:
        self._jpeg = jpeg

    def encode(self, picture: Picture, quality: int) -> bytes | memoryview:
        if jpeg := self._jpeg or picture.jpeg:
            return jpeg
        raise ValueError("no picture")


@pytest.mark.parametrize(
    ("of_encoder", "of_camera", "idle", "made"),
    [(None, JPEG, True, 2), (JPEG, None, False, 2), (b"better", JPEG, False, 2), (None, None, True, 0)],
    ids=["the camera's own", "encoded", "encoded anew", "damaged"],
)
def test_only_what_had_to_be_encoded_is_left_to_another_thread(
    of_encoder: bytes | None, of_camera: bytes | None, idle: bool, made: int
) -> None:
    told: list[bool] = []
    maker = Maker(80, told.append, time.monotonic_ns)
    jobs = [Job(Rendition(number, Plan(fps=fps)), 1) for number, fps in enumerate((0.0, 10.0))]
    maker.make(Encoder(of_encoder), Picture(64, 48, of_camera), time.monotonic_ns(), jobs)
    assert (told, maker.made) == ([idle], made)
