"""The places of several pictures in one window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenswire.viewer import overlay


@given(st.integers(1, 30), st.integers(160, 4000), st.integers(120, 4000))
def test_places_are_within_the_window_and_apart(count: int, width: int, height: int) -> None:
    columns, areas = overlay.grid(count, (width, height))
    assert len(areas) == count
    assert 1 <= columns <= count
    taken = np.zeros((height, width), np.uint8)
    for left, top, wide, high in areas:
        assert left >= 0
        assert top >= 0
        assert left + wide <= width
        assert top + high <= height
        taken[top : top + high, left : left + wide] += 1
    assert taken.max() == 1


@pytest.mark.parametrize(
    ("count", "window", "columns"),
    [(2, (1600, 900), 2), (2, (600, 900), 1), (4, (1600, 900), 2), (6, (1600, 900), 3), (9, (1600, 900), 3)],
)
def test_pictures_are_as_large_as_the_windows_shape_allows(count: int, window: tuple[int, int], columns: int) -> None:
    assert overlay.grid(count, window)[0] == columns
