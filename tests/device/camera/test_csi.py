"""The CSI camera on a picamera2 without a camera: what is held, what is given back, and when the VideoCore works."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lenswire.device.camera import CameraWish
from lenswire.device.camera.csi import videocore
from lenswire.device.encoder import choose
from lenswire.errors import CameraError

FAKE = Path(__file__).parent / "fake_picamera2"
JPEG = b"\xff\xd8 made by the board \xff\xd9"
WISH = CameraWish(64, 48, 30)


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


def opened(wish: CameraWish = WISH, **settings: Any) -> tuple[Any, Any]:
    """Our camera, and the picamera2 below it."""
    from picamera2 import Picamera2

    from lenswire.device.camera.csi import Csi

    camera = Csi(wish, **settings)
    return camera, Picamera2.newest


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


# The VideoCore


def test_without_the_encoder_libjpeg_turbo_does_it_and_says_why(picamera2: Any) -> None:
    encoder = choose(opened()[0])
    assert (encoder.name, encoder.reason) == ("libjpeg-turbo", "this board has no JPEG encoder")


def test_beyond_its_limit_libjpeg_turbo_does_it_and_says_why(board: Any) -> None:
    encoder = choose(opened(CameraWish(2304, 1296, 30))[0])
    assert encoder.name == "libjpeg-turbo"
    assert "1920 pixels" in encoder.reason


def test_the_encoder_works_while_somebody_looks_and_rests_when_nobody_does(
    board: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera, below = opened()
    assert choose(camera).name == "VideoCore JPEG"
    below.complete(time.monotonic_ns())
    camera.grab(1)
    assert below.encoder is None, "nobody has looked yet"
    assert camera.picture().planes, "the first picture cannot wait for the encoder"
    below.encoder.made(JPEG, timestamp := time.monotonic_ns() // 1000)
    grab = camera.grab(1)
    assert grab.captured == timestamp * 1000
    assert camera.picture().jpeg == JPEG
    monkeypatch.setattr(videocore, "IDLE", -1)
    assert camera.grab(0) is None
    assert below.encoder is None
    below.complete(time.monotonic_ns())
    assert camera.grab(1), "the camera goes on, watched over"


def test_the_newest_of_the_encoder_s_pictures_wins(board: Any) -> None:
    camera, below = opened()
    below.complete(time.monotonic_ns())
    camera.grab(1)
    camera.picture()
    for number in range(3):
        below.encoder.made(JPEG + b"%d\xff\xd9" % number, time.monotonic_ns() // 1000)
    assert camera.grab(1).lost == 2
    assert camera.picture().jpeg == JPEG + b"2\xff\xd9"


def test_a_picture_that_did_not_fit_is_dropped_and_counted(board: Any) -> None:
    camera, below = opened()
    below.complete(time.monotonic_ns())
    camera.grab(1)
    camera.picture()
    below.encoder.made(JPEG[:-2], 1)
    assert camera.grab(0.01) is None
    below.encoder.made(JPEG + b"\0\0", 2)
    assert camera.grab(1).lost == 1


def test_an_encoder_that_stalls_looks_like_a_camera_that_does(board: Any) -> None:
    camera, below = opened()
    below.complete(time.monotonic_ns())
    camera.grab(1)
    camera.picture()
    below.complete(time.monotonic_ns())
    assert camera.grab(0.01) is None, "raw frames are no progress for somebody who looks"


@pytest.mark.parametrize(("size", "quality"), [((1920, 1080), 80), ((1280, 720), 95), ((640, 480), 30)])
def test_the_mean_picture_fits_twice_into_the_encoder_s_buffer(size: tuple[int, int], quality: int) -> None:
    mean = videocore.bitrate(*size, 30, quality) / 30 / 8
    assert 0 < mean <= videocore.LARGEST_MEAN
    assert videocore.bitrate(*size, 30, quality - 20) < videocore.bitrate(*size, 30, quality)
