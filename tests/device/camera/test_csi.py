"""The CSI camera on a picamera2 without a camera: what is held, what is given back, what reaches libcamera."""

from __future__ import annotations

import time
from typing import Any

import pytest
from csi_camera import opened

from lenswire.device.camera import CameraWish
from lenswire.errors import CameraError


def test_the_planes_are_views_of_the_camera_s_own_buffer(picamera2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picamera2.Picamera2, "padding", 64)
    camera, below = opened()
    request = below.complete(time.monotonic_ns())
    assert camera.grab(1)
    planes = camera.picture().planes
    assert [(plane.shape, int(plane.min()), int(plane.max())) for plane in planes] == [
        ((48, 64), 50, 50),
        ((24, 32), 60, 60),
        ((24, 32), 70, 70),
    ]
    assert planes[0].base is request.buffer or planes[0].base.base is request.buffer


def test_one_frame_waits_and_the_others_go_back(picamera2: Any) -> None:
    camera, below = opened()
    now = time.monotonic_ns()
    requests = [below.complete(now + number) for number in range(4)]
    assert [request.holders for request in requests] == [0, 0, 0, 1]
    grab = camera.grab(1)
    assert (grab.captured, grab.lost) == (now + 3, 3)
    later = below.complete(now + 4)
    assert (requests[3].holders, later.holders) == (1, 1), "one is looked at, one waits"
    camera.grab(1)
    assert (requests[3].holders, later.holders) == (0, 1)
    camera.close()
    assert later.holders == 0
    assert below.closed


def test_no_frame_is_none_and_not_an_error(picamera2: Any) -> None:
    camera, _ = opened()
    assert camera.grab(0.01) is None


@pytest.mark.parametrize("sensor", [0, 1 << 62], ids=["none", "not yet"])
def test_a_time_that_cannot_be_is_now(picamera2: Any, sensor: int) -> None:
    camera, below = opened()
    before = time.monotonic_ns()
    below.complete(sensor)
    assert before <= camera.grab(1).captured <= time.monotonic_ns()


def test_the_wish_reaches_libcamera(picamera2: Any) -> None:
    camera, below = opened(CameraWish(64, 48, 25, rotation=180), controls={"AfMode": 2})
    assert below.config["controls"] == {"FrameDurationLimits": (40000, 40000), "AfMode": 2}
    assert below.config["transform"].hflip and below.config["transform"].vflip
    assert below.config["colour_space"] == "sYCC"
    assert (camera.width, camera.height, camera.fps) == (64, 48, 25)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cameras": []}, "no camera is connected"),
        ({"busy": True}, "Failed to acquire camera; is another program using it?"),
        ({"format": "MJPEG"}, "it gives MJPEG, and YUV420 was asked for"),
    ],
)
def test_what_cannot_be_opened_is_said(
    picamera2: Any, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], words: str
) -> None:
    for name, value in change.items():
        monkeypatch.setattr(picamera2.Picamera2, name, value)
    with pytest.raises(CameraError) as caught:
        opened()
    assert words in str(caught.value)


def test_an_unknown_control_is_named_with_those_there_are(picamera2: Any) -> None:
    with pytest.raises(CameraError, match="no control 'Zoom'; it has AfMode, FrameDurationLimits"):
        opened(controls={"Zoom": 1})
