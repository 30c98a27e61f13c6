"""Which encoder is chosen, and that what it makes is the picture."""

from __future__ import annotations

import logging
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import simplejpeg

from lenswire.device.camera import Picture
from lenswire.device.encoder import choose, turbo

CAMERA = SimpleNamespace(compressed=True)
RAW_CAMERA = SimpleNamespace(compressed=False)


def smooth(width: int = 64, height: int = 48) -> np.ndarray:
    """BGR that JPEG keeps nearly as it is."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack((x * 255 / width, y * 255 / height, 255 - x * 255 / width), -1).astype(np.uint8)


def yuv(bgr: np.ndarray, columns: int, rows: int) -> Picture:
    """The planes of a picture, with chroma of so many columns and rows."""
    y, v, u = cv2.split(cv2.cvtColor(bgr, cv2.COLOR_BGR2YCrCb))
    u, v = (cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA) for plane in (u, v))
    return Picture(bgr.shape[1], bgr.shape[0], planes=(y, u, v))


def far(jpeg: bytes, bgr: np.ndarray) -> float:
    """Mean difference of the decoded picture."""
    return float(np.abs(simplejpeg.decode_jpeg(jpeg, "BGR").astype(int) - bgr).mean())


def test_a_cameras_own_jpeg_is_passed_on_as_the_same_object(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        encoder = choose(CAMERA)
    jpeg = b"\xff\xd8 whatever it is \xff\xd9"
    assert encoder.encode(Picture(64, 48, jpeg), 30) is jpeg
    assert (encoder.name, caplog.records) == ("camera JPEG", [])


def test_raw_pictures_go_to_libjpeg_turbo_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        encoder = choose(RAW_CAMERA)
    assert encoder.name == "libjpeg-turbo"
    assert encoder.reason in caplog.text


def test_a_smaller_copy_of_a_cameras_jpeg_can_be_encoded() -> None:
    bgr = smooth()
    assert far(choose(CAMERA).encode(Picture(64, 48, planes=(bgr,)), 90), bgr) < 3


@pytest.mark.parametrize("size", [(64, 48), (65, 47)])
@pytest.mark.parametrize("halved", [True, False])
def test_planes_are_encoded_as_they_are(size: tuple[int, int], halved: bool) -> None:
    bgr = smooth(*size)
    columns, rows = (size[0] + 1) // 2, (size[1] + 1) // 2 if halved else size[1]
    jpeg = turbo.encode(yuv(bgr, columns, rows), 95)
    assert simplejpeg.decode_jpeg_header(jpeg)[3] == ("420" if halved else "422")
    assert far(jpeg, bgr) < 4


def test_grey_and_bgr_are_encoded_too() -> None:
    bgr = smooth()
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    assert far(turbo.encode(Picture(64, 48, planes=(grey,)), 95), grey[..., None]) < 2
    assert far(turbo.encode(Picture(64, 48, planes=(bgr,)), 95), bgr) < 3


def test_rows_may_be_longer_than_the_picture() -> None:
    padded = np.zeros((48, 100), np.uint8)
    padded[:, :64] = smooth()[..., 0]
    view, copy = padded[:, :64], padded[:, :64].copy()
    assert turbo.encode(Picture(64, 48, planes=(view,)), 80) == turbo.encode(Picture(64, 48, planes=(copy,)), 80)


def test_quality_is_obeyed() -> None:
    picture = Picture(64, 48, planes=(smooth(),))
    assert len(turbo.encode(picture, 20)) < len(turbo.encode(picture, 95))


def test_passthrough_imports_neither_numpy_nor_opencv() -> None:
    """A device whose camera makes JPEG must fit into little memory."""
    script = """if True:
        import sys
        import lenswire.device.camera.source, lenswire.device.camera.usb
        from lenswire.device.camera import Picture
        from lenswire.device.encoder import choose
        from types import SimpleNamespace
        assert choose(SimpleNamespace(compressed=True)).encode(Picture(1, 1, b"x"), 80) == b"x"
        print({"numpy", "cv2", "simplejpeg"} & set(sys.modules))
    """
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "set()\n"
