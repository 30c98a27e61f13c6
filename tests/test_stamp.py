"""The stamp survives what becomes of a picture on its way, and is never misread."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from lenswire import stamp

TIME = 0x0123_4567_89AB  # microseconds: all kinds of runs of bits


def card(width: int = 1280, height: int = 720) -> np.ndarray:
    rng = np.random.default_rng(1)
    plane = cv2.GaussianBlur(rng.integers(0, 255, (height, width), np.uint8), (0, 0), 1.5)
    stamp.draw(plane, TIME)
    return plane


def through_jpeg(plane: np.ndarray, quality: int) -> np.ndarray:
    jpeg = simplejpeg.encode_jpeg_yuv_planes(np.ascontiguousarray(plane), None, None, quality)
    return simplejpeg.decode_jpeg(jpeg, "GRAY")[..., 0]


@given(st.integers(0, 2**48 - 1))
def test_every_time_is_read_back(microseconds: int) -> None:
    plane = np.zeros((60, 160), np.uint8)
    stamp.draw(plane, microseconds)
    assert stamp.read(plane) == microseconds


@pytest.mark.parametrize("size", [(1280, 720), (641, 481), (1366, 768), (64, 48), (80, 45)])
def test_any_size_of_picture_can_carry_it(size: tuple[int, int]) -> None:
    assert stamp.read(card(*size)) == TIME


@pytest.mark.parametrize("size", [(160, 90), (200, 150), (321, 181), (640, 360), (1920, 1080)])
def test_it_survives_scaling_and_poor_jpeg(size: tuple[int, int]) -> None:
    scaled = cv2.resize(card(), size, interpolation=cv2.INTER_AREA)
    assert stamp.read(through_jpeg(scaled, 30)) == TIME


@pytest.mark.parametrize("size", [(640, 480), (320, 240), (1000, 562)])
def test_it_survives_being_squeezed_into_another_shape(size: tuple[int, int]) -> None:
    assert stamp.read(through_jpeg(cv2.resize(card(), size, interpolation=cv2.INTER_AREA), 60)) == TIME


def test_it_survives_limited_range() -> None:
    limited = (16 + card().astype(np.float32) * 219 / 255).astype(np.uint8)
    assert stamp.read(limited) == TIME


def test_a_picture_without_one_gives_none() -> None:
    rng = np.random.default_rng(2)
    assert stamp.read(rng.integers(0, 255, (480, 640), np.uint8)) is None
    assert stamp.read(np.zeros((480, 640), np.uint8)) is None
    assert stamp.read(np.zeros((2, 3), np.uint8)) is None


def test_one_wrong_cell_is_noticed() -> None:
    plane = card()
    cell = stamp.height(1280)
    plane[cell : 2 * cell, :cell] = 255 - plane[cell : 2 * cell, :cell]
    assert stamp.read(plane) is None


def test_only_the_top_rows_are_written() -> None:
    plane = np.full((720, 1280), 77, np.uint8)
    stamp.draw(plane, TIME)
    assert (plane[2 * stamp.height(1280) :] == 77).all()
