"""Figures of what is on the screen."""

from __future__ import annotations

import pytest

from lenswire.viewer.meter import Meter

MS = 1_000_000
PERIOD = 1_000_000_000 // 30


def metered(count: int, period: int = PERIOD, age: float = 0.01, size: int = 90_000) -> tuple[Meter, int]:
    """A meter that saw so many pictures, and when the last one was."""
    meter = Meter()
    for number in range(count):
        meter.shown(number * period, age, number * size)
    return meter, (count - 1) * period


def test_it_tells_rate_and_bitrate_of_what_is_shown() -> None:
    meter, now = metered(90)
    figures = meter.figures(now + 5 * MS, 3)
    assert figures.fps == pytest.approx(30, rel=0.001)
    assert figures.bitrate == pytest.approx(30 * 90_000 * 8, rel=0.001)
    assert (figures.late, figures.damaged) == (3, 0)


def test_the_age_is_the_median_of_the_last_second() -> None:
    meter, now = metered(60, age=0.5)
    for number in range(1, 32):
        meter.shown(now + number * PERIOD, 0.9 if number == 9 else 0.012, 0)
    assert meter.figures(now + 31 * PERIOD, 0).age == 0.012


def test_a_slow_stream_has_a_rate_too() -> None:
    meter, now = metered(4, period=2500 * MS)
    assert meter.figures(now + 500 * MS, 0).fps == pytest.approx(0.4)


def test_the_rate_falls_when_nothing_comes_any_more() -> None:
    meter, now = metered(90)
    rates = [meter.figures(now + seconds * 1000 * MS, 0).fps for seconds in (0, 2, 10, 100)]
    assert rates == pytest.approx([30, 0.5, 0.1, 0.01], rel=0.001)


def test_before_the_second_picture_nothing_is_claimed() -> None:
    assert Meter().figures(0, 0) == (0, 0, 0, 0, 0)
    assert metered(1)[0].figures(0, 0) == (0, 0.01, 0, 0, 0)
