"""What a request may ask for."""

import pytest

from lenswire.device.rendition import Plan
from lenswire.device.web import wish


@pytest.mark.parametrize(
    ("query", "plan"),
    [
        ({}, Plan()),
        ({"size": "", "fps": "0"}, Plan()),
        ({"fps": "1e-300"}, Plan(fps=0.001)),  # not all of them
        ({"size": "640x480", "fps": "2.5", "quality": "70", "t": "123"}, Plan(640, 480, 2.5, 70)),
    ],
)
def test_a_plan(query: dict[str, str], plan: Plan) -> None:
    assert wish.plan(query) == plan


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"size": "640"}, "size: expected WIDTHxHEIGHT, such as 640x480, got '640'"),
        ({"size": "0x480"}, "size: expected"),
        ({"size": "70000x480"}, "size: expected"),
        ({"size": "٣x٣"}, "size: expected"),
        ({"fps": "fast"}, "fps: expected frames per second from 0 to 1000, got 'fast'"),
        ({"fps": "nan"}, "fps: expected"),
        ({"fps": "-1"}, "fps: expected"),
        ({"quality": "101"}, "quality: expected JPEG quality from 0 to 100, got '101'"),
        ({"quality": "1.5"}, "quality: expected a whole number, got 1.5"),
    ],
)
def test_what_means_nothing_is_said(query: dict[str, str], words: str) -> None:
    with pytest.raises(wish.Wrong) as told:
        wish.plan(query)
    assert words in str(told.value)


def test_an_age() -> None:
    assert wish.max_age({}) == 0
    assert wish.max_age({"max_age": "250"}) == 250_000_000
    for wrong in ("-1", "inf", "", "1e12"):
        with pytest.raises(wish.Wrong, match="max_age: expected milliseconds from 0 to 3600000"):
            wish.max_age({"max_age": wrong})
