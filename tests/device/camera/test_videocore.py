"""When the VideoCore works for the CSI camera, and what becomes of what it makes; on a picamera2 without a camera."""

from __future__ import annotations

import time
from typing import Any

import pytest
from csi_camera import opened

from lenswire.device.camera import CameraWish
from lenswire.device.camera.csi import videocore
from lenswire.device.encoder import choose
from lenswire.errors import CameraError

JPEG = b"\xff\xd8 made by the board \xff\xd9"


def test_without_the_encoder_libjpeg_turbo_does_it_and_says_why(picamera2: Any) -> None:
    encoder = choose(opened()[0])
    assert (encoder.name, encoder.reason) == ("libjpeg-turbo", "this board has no JPEG encoder")


def test_beyond_its_limit_libjpeg_turbo_does_it_and_says_why(board: Any) -> None:
    encoder = choose(opened(CameraWish(2304, 1296, 30))[0])
    assert encoder.name == "libjpeg-turbo"
    assert "1920 pixels" in encoder.reason


def test_with_rows_it_cannot_take_libjpeg_turbo_does_it_and_says_why(
    board: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board.Picamera2, "padding", 32)
    assert "a multiple of 64 bytes, not 96" in choose(opened()[0]).reason


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
    below.encoder.made(JPEG, timestamp)
    assert camera.grab(1), "nobody looks at this one"
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


def looked_at() -> tuple[Any, Any]:
    """A camera whose encoder works, since its first picture was looked at; and the picamera2 below it."""
    camera, below = opened()
    below.complete(time.monotonic_ns())
    camera.grab(1)
    camera.picture()
    return camera, below


def at_rest(camera: Any, below: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks at its next picture, nor at any in the second after that."""
    below.encoder.made(JPEG, time.monotonic_ns() // 1000)
    assert camera.grab(1)
    with monkeypatch.context() as patch:
        patch.setattr(videocore, "IDLE", -1)
        assert camera.grab(0) is None
    assert below.encoder is None


def test_what_came_through_the_encoder_is_not_lost(board: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    camera, below = looked_at()
    for _ in range(5):
        below.complete(time.monotonic_ns())
        below.encoder.made(JPEG, time.monotonic_ns() // 1000)
        assert camera.grab(1).lost == 0
    at_rest(camera, below, monkeypatch)
    below.complete(time.monotonic_ns())
    assert camera.grab(1).lost <= 1


def test_what_comes_while_it_is_stopped_is_not_shown_later(board: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    camera, below = looked_at()
    below.last_made = JPEG
    at_rest(camera, below, monkeypatch)
    below.complete(time.monotonic_ns())
    camera.grab(1)
    assert camera.picture().planes
    assert camera.grab(0) is None, "the encoder has made nothing yet"


def test_an_encoder_that_hangs_is_neither_at_rest_nor_the_camera_s_fault(
    board: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera, below = looked_at()
    monkeypatch.setattr(videocore, "IDLE", -1)
    monkeypatch.setattr(videocore, "STALLED", -1)
    assert camera.grab(0) is None, "the camera gave it nothing: the pipeline will say so"
    below.complete(time.monotonic_ns())
    with pytest.raises(CameraError, match="the board's JPEG encoder hangs"):
        camera.grab(0)
    below.encoder.made(JPEG, time.monotonic_ns() // 1000)
    assert camera.grab(0), "it has caught up"


def test_pictures_that_never_fit_are_asked_for_in_less_bits_and_that_is_said(
    board: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    camera, below = looked_at()
    asked = below.encoder.bitrate
    monkeypatch.setattr(videocore, "TOO_LARGE", -1)
    below.encoder.made(JPEG[:-2], 1)
    assert camera.grab(0) is None
    assert "pictures do not fit into the VideoCore encoder's buffer" in caplog.text
    below.complete(time.monotonic_ns())
    camera.grab(1)
    assert camera.picture().planes, "whoever looks gets this one meanwhile"
    assert below.encoder.bitrate == asked // 2
    at_rest(camera, below, monkeypatch)
    below.complete(time.monotonic_ns())
    camera.grab(1)
    camera.picture()
    assert below.encoder.bitrate == asked, "the next who look may have another scene before them"


def test_pictures_that_fit_in_no_bitrate_are_an_error_in_words(board: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    camera, below = looked_at()
    monkeypatch.setattr(videocore, "TOO_LARGE", -1)
    for _ in range(4):
        below.encoder.made(JPEG[:-2], 1)
        assert camera.grab(0) is None
        below.complete(time.monotonic_ns())
        camera.grab(1)
        camera.picture()
    below.encoder.made(JPEG[:-2], 1)
    with pytest.raises(CameraError, match=r"lower camera\.size"):
        camera.grab(0)


def test_an_encoder_that_does_not_start_is_an_error_in_words(board: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    camera, below = opened()
    monkeypatch.setattr(board.Picamera2, "no_encoder", OSError(12, "Cannot allocate memory"))
    below.complete(time.monotonic_ns())
    camera.grab(1)
    with pytest.raises(CameraError, match=r"does not start: .*Cannot allocate memory"):
        camera.picture()
    assert not camera._encoder._encoder.running, "picamera2's thread is ended"
    camera.close()


@pytest.mark.parametrize(("size", "quality"), [((1920, 1080), 80), ((1280, 720), 95), ((640, 480), 30)])
def test_the_mean_picture_fits_twice_into_the_encoder_s_buffer(size: tuple[int, int], quality: int) -> None:
    mean = videocore.bitrate(*size, 30, quality) / 30 / 8
    assert 0 < mean <= videocore.LARGEST_MEAN
    assert mean * 30 * 8 <= videocore.LARGEST_RATE, "the driver would give less in silence"
    assert videocore.bitrate(*size, 30, quality - 20) < videocore.bitrate(*size, 30, quality)
