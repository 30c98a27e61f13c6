"""Copies of another size: exact, and still the same picture."""

from __future__ import annotations

import numpy as np
import pytest
import simplejpeg

from lenswire.device.camera import Picture
from lenswire.device.encoder import turbo
from lenswire.device.encoder.resize import resize

SIZES = [(640, 360), (320, 240), (321, 241), (161, 91), (1280, 720), (1920, 1080), (160, 720), (1, 1)]


def ramp(width: int = 1280, height: int = 720) -> np.ndarray:
    """Grey that grows from left to right and from top to bottom."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return (x * 127 / width + y * 127 / height).astype(np.uint8)


def yuv(rows_of_chroma: int) -> Picture:
    chroma = np.full((rows_of_chroma, 640), 90, np.uint8)
    return Picture(1280, 720, planes=(ramp(), chroma, chroma + 50))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rows_of_chroma", [360, 720])
def test_planes_come_out_exact_and_can_be_encoded(size: tuple[int, int], rows_of_chroma: int) -> None:
    picture = resize(yuv(rows_of_chroma), *size)
    assert (picture.width, picture.height) == size
    assert simplejpeg.decode_jpeg(turbo.encode(picture, 90), "BGR").shape == (size[1], size[0], 3)
    y, u, v = picture.planes
    assert (u == 90).all() and (v == 140).all()
    assert np.abs(y.astype(int) - ramp(*size)).max() <= max(2, 127 // min(size))


@pytest.mark.parametrize("size", SIZES)
def test_a_jpeg_comes_out_exact(size: tuple[int, int]) -> None:
    source = Picture(1280, 720, turbo.encode(Picture(1280, 720, planes=(ramp(),)), 90))
    picture = resize(source, *size)
    assert (picture.width, picture.height) == size
    if size == (1280, 720):
        assert picture is source
    else:
        (bgr,) = picture.planes
        assert bgr.shape == (size[1], size[0], 3)
        assert np.abs(bgr[..., 1].astype(int) - ramp(*size)).max() <= max(4, 127 // min(size))


@pytest.mark.parametrize("size", [(641, 479), (320, 239), (81, 60), (40, 30), (77, 77)])
def test_a_jpeg_of_odd_size_comes_out_exact(size: tuple[int, int]) -> None:
    source = Picture(641, 479, turbo.encode(Picture(641, 479, planes=(ramp(641, 479),)), 90))
    assert resize(source, 80, 60).planes[0].shape == (60, 80, 3)
    picture = resize(source, *size)
    assert (picture.width, picture.height) == size


def test_grey_stays_grey_and_bgr_stays_bgr() -> None:
    assert [plane.shape for plane in resize(Picture(1280, 720, planes=(ramp(),)), 64, 48).planes] == [(48, 64)]
    bgr = np.stack((ramp(),) * 3, -1)
    assert [plane.shape for plane in resize(Picture(1280, 720, planes=(bgr,)), 64, 48).planes] == [(48, 64, 3)]


def test_fine_detail_becomes_its_mean() -> None:
    """Not a moiré, as picking every fourth pixel would give."""
    stripes = np.tile(np.array([0, 200], np.uint8), (480, 320))
    assert (resize(Picture(640, 480, planes=(stripes,)), 160, 120).planes[0] == 100).all()


def test_a_damaged_jpeg_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"JPEG|jpeg|Invalid"):
        resize(Picture(640, 480, b"\xff\xd8 nothing \xff\xd9"), 320, 240)


def test_stray_bytes_in_a_cameras_jpeg_do_no_harm() -> None:
    jpeg = turbo.encode(Picture(1280, 720, planes=(ramp(),)), 90)
    assert resize(Picture(1280, 720, jpeg[:-2] + b"stray" + jpeg[-2:]), 640, 360).width == 640
