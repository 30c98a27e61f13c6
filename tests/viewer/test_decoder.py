"""Decoding: the right pixels, no more than needed, and nothing that a damaged picture could do."""

from __future__ import annotations

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lenswire.viewer.decoder import MAX_PIXELS, decode, decoded_size

WIDTH, HEIGHT = 320, 240


def picture() -> NDArray[np.uint8]:
    """BGR: blue on the left, red on the right."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, : WIDTH // 2, 0] = image[:, WIDTH // 2 :, 2] = 200
    return image


JPEG = simplejpeg.encode_jpeg(picture(), 90, "BGR", "420")


def pixels(jpeg: bytes, needed: tuple[int, int]) -> NDArray[np.uint8]:
    size = decoded_size(jpeg, needed)
    assert size
    buffer = bytearray(size[0] * size[1] * 4)
    assert decode(jpeg, needed, buffer)
    return np.frombuffer(buffer, np.uint8).reshape(size[1], size[0], 4)


def with_stray_bytes(jpeg: bytes) -> bytes:
    return jpeg[:-2] + bytes(20) + jpeg[-2:]


def claiming(width: int, height: int) -> bytes:
    """The picture, with another size written in its header."""
    start = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:start] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + JPEG[start + 4 :]


def test_pixels_are_blue_green_red() -> None:
    decoded = pixels(JPEG, (WIDTH, HEIGHT))
    assert np.allclose(decoded[120, 20, :3], (200, 0, 0), atol=4)
    assert np.allclose(decoded[120, 300, :3], (0, 0, 200), atol=4)


@pytest.mark.parametrize(
    ("needed", "size"),
    [
        ((WIDTH, HEIGHT), (WIDTH, HEIGHT)),
        ((4000, 3000), (WIDTH, HEIGHT)),
        ((161, 120), (WIDTH, HEIGHT)),  # between a half and the whole: the whole is faster
        ((160, 120), (160, 120)),
        ((80, 60), (80, 60)),
        ((1, 1), (40, 30)),
    ],
)
def test_no_more_is_decoded_than_is_needed(needed: tuple[int, int], size: tuple[int, int]) -> None:
    assert decoded_size(JPEG, needed) == size
    decoded = pixels(JPEG, needed)
    assert decoded.shape == (size[1], size[0], 4)
    assert np.allclose(decoded[-1, -1, :3], (0, 0, 200), atol=4)


@pytest.mark.parametrize("jpeg", [JPEG[: len(JPEG) // 2], JPEG[:-2], JPEG[:400] + bytes(99) + JPEG[499:]])
def test_a_picture_with_a_hole_is_damaged(jpeg: bytes) -> None:
    assert not decode(jpeg, (WIDTH, HEIGHT), bytearray(WIDTH * HEIGHT * 4))


@pytest.mark.parametrize("jpeg", [b"", b"no JPEG at all", JPEG[:2], JPEG[2:]])
def test_what_is_no_jpeg_has_no_size(jpeg: bytes) -> None:
    assert decoded_size(jpeg, (WIDTH, HEIGHT)) is None


def test_stray_bytes_before_the_last_marker_do_no_harm() -> None:
    with pytest.raises(ValueError, match="extraneous"):
        simplejpeg.decode_jpeg(with_stray_bytes(JPEG))
    assert np.array_equal(pixels(with_stray_bytes(JPEG), (WIDTH, HEIGHT)), pixels(JPEG, (WIDTH, HEIGHT)))


def test_a_picture_of_absurd_size_is_damaged() -> None:
    assert decoded_size(claiming(10_000, MAX_PIXELS // 10_000), (64, 64))
    assert decoded_size(claiming(10_000, MAX_PIXELS // 10_000 + 1), (64, 64)) is None


def test_a_buffer_that_is_too_small_is_not_overrun() -> None:
    assert not decode(JPEG, (WIDTH, HEIGHT), bytearray(WIDTH * HEIGHT * 4 - 1))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(JPEG) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_no_change_of_any_bytes_raises(changes: list[tuple[int, int]]) -> None:
    jpeg = bytearray(JPEG)
    for where, value in changes:
        jpeg[where] = value
    size = decoded_size(jpeg, (WIDTH, HEIGHT))
    if size and size[0] * size[1] <= 4 * WIDTH * HEIGHT:
        decode(jpeg, (WIDTH, HEIGHT), bytearray(size[0] * size[1] * 4))
