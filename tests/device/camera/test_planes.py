"""Raw pictures as planes: every sample lands where it belongs."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from lenswire.device.camera import Picture
from lenswire.device.camera.planes import splitter
from lenswire.device.encoder import turbo
from lenswire.device.v4l2.device import Format

W, H = 38, 22
RNG = np.random.default_rng(5)
Y = RNG.integers(0, 255, (H, W), np.uint8)
U, V = RNG.integers(0, 255, (2, H // 2, W // 2), np.uint8)


def padded(plane: np.ndarray, stride: int) -> bytes:
    rows = np.full((len(plane), stride), 99, np.uint8)
    rows[:, : plane.shape[1]] = plane
    return rows.tobytes()


def packed(fourcc: str, stride: int) -> bytes:
    """The picture as a camera lays it out, with rows of `stride` bytes."""
    if fourcc == "YUYV":
        rows = np.zeros((H, 2 * W), np.uint8)
        rows[:, ::2], rows[:, 1::4], rows[:, 3::4] = Y, U.repeat(2, 0), V.repeat(2, 0)
        rows[1::2, 1::2] += 1  # what is left out
        return padded(rows, stride)
    if fourcc == "NV12":
        return padded(Y, stride) + padded(np.stack((U, V), -1).reshape(H // 2, W), stride)
    if fourcc == "YU12":
        return padded(Y, stride) + padded(U, stride // 2) + padded(V, stride // 2)
    return padded(Y, stride)


def memory(data: bytes) -> mmap.mmap:
    buffer = mmap.mmap(-1, len(data))
    buffer[:] = data
    return buffer


@pytest.mark.parametrize("padding", [0, 10])
@pytest.mark.parametrize("fourcc", ["YUYV", "NV12", "YU12", "GREY"])
def test_samples_are_where_they_belong_and_can_be_encoded(fourcc: str, padding: int) -> None:
    stride = W * (2 if fourcc == "YUYV" else 1) + padding
    data = packed(fourcc, stride)
    needed, split = splitter(Format(fourcc, W, H, stride, limited=False))
    planes = split(memory(data))
    assert needed == len(data)
    for plane, expected in zip(planes, (Y, U, V), strict=False):
        assert (plane == expected).all()
    assert len(planes) == (1 if fourcc == "GREY" else 3)
    assert turbo.encode(Picture(W, H, planes=planes), 80)


@pytest.mark.parametrize("fourcc", ["YUYV", "NV12", "GREY"])
def test_limited_range_is_stretched_where_the_driver_says_so(fourcc: str) -> None:
    stride = W * (2 if fourcc == "YUYV" else 1)
    levels = np.tile(np.array([0, 16, 128, 235, 255], np.uint8), W * H)
    data = levels[: len(packed(fourcc, stride))].tobytes()
    plain = splitter(Format(fourcc, W, H, stride, limited=False))[1](memory(data))
    stretched = splitter(Format(fourcc, W, H, stride, limited=True))[1](memory(data))
    luma = dict(zip(plain[0].ravel().tolist(), stretched[0].ravel().tolist(), strict=True))
    assert luma == {0: 0, 16: 0, 128: 130, 235: 255, 255: 255}
    if fourcc != "GREY":
        chroma = dict(zip(plain[1].ravel().tolist(), stretched[1].ravel().tolist(), strict=True))
        assert (chroma[16], chroma[128], chroma[235]) == (1, 128, 250)


def test_frames_of_yuyv_use_the_same_arrays() -> None:
    _, split = splitter(Format("YUYV", W, H, 2 * W, limited=False))
    data = memory(packed("YUYV", 2 * W))
    assert [plane.ctypes.data for plane in split(data)] == [plane.ctypes.data for plane in split(data)]
