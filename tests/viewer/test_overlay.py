"""What is written on the picture, and where the picture stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenswire.messages import Frame, Status
from lenswire.viewer import overlay
from lenswire.viewer.meter import Figures
from lenswire.viewer.overlay import Look, Situation
from lenswire.viewer.reception import UNKNOWN, Received, Statistics
from lenswire.viewer.recorder import Recorder

LIVE = Situation("porch", age=0.012, connected=True, status=Status("STREAMING", camera="C920", encoder="libjpeg-turbo"))
LOST = replace(LIVE, age=3.44, connected=False, problem="nothing listens there (trying again)")
STOPPED = replace(LIVE, age=2.0, status=Status("STOPPED", "the button"))
FAULT = replace(LIVE, age=2.0, status=Status("FAULT", "/dev/video0 was unplugged"))
sides = st.integers(1, 5000)


def received(clock_error: int = 300_000) -> Received:
    return Received(Frame(1, 0, 1, 1280, 720, 0, 0, b"jpeg"), 0, 0, clock_error, 0)


def rows(situation: Situation = LIVE, frame: Received | None = None, tls: bool = True) -> dict[str, str]:
    figures = Figures(29.97, 0.0084, 21_600_000, late=2)
    statistics = Statistics(dropped=3, rtt_ms=1.25, window=2)
    return dict(overlay.panel(situation, frame or received(), figures, statistics, tls))


def words(situation: Situation) -> str:
    found = overlay.banner(situation)
    return f"{found.title} | {found.detail}" if found else ""


# Live, or not


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        (LIVE, "2   porch   8.4 ms   30 fps"),
        (LOST, "2   porch   not connected"),
        (STOPPED, "2   porch   stopped"),
        (FAULT, "2   porch   fault"),
    ],
)
def test_the_label_of_one_of_several_says_which_it_is_and_how_it_does(situation: Situation, expected: str) -> None:
    assert overlay.label(2, situation, Figures(29.97, 0.0084)) == expected
    assert overlay.label(2, LIVE, None) == "2   porch"


def test_no_key_is_offered_where_it_would_be_for_another_camera() -> None:
    assert words(replace(STOPPED, selected=False)).endswith("the camera is switched off: the button")
    assert "space" not in words(replace(LIVE, paused=True, selected=False))


def test_a_fresh_picture_has_nothing_across_it() -> None:
    assert words(LIVE) == ""
    assert overlay.look(LIVE) is Look.LIVE


@pytest.mark.parametrize(("age", "look"), [(0.99, Look.LIVE), (1.0, Look.LIVE), (1.01, Look.STALE)])
def test_a_picture_older_than_a_second_is_not_live(age: float, look: Look) -> None:
    assert overlay.look(replace(LIVE, age=age)) is look


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        (replace(LIVE, age=3.44), "NOT LIVE: 3.4 s old | no newer picture has come"),
        (LOST, "NOT LIVE: 3.4 s old | nothing listens there (trying again)"),
        (STOPPED, "NOT LIVE: 2.0 s old | the camera is switched off: the button; press t to switch it on"),
        (FAULT, "NOT LIVE: 2.0 s old | the camera has failed: /dev/video0 was unplugged; the device is trying again"),
        (
            replace(LIVE, status=Status("STOPPED")),
            "NOT LIVE: 0.0 s old | the camera is switched off; press t to switch it on",
        ),
        (replace(LIVE, paused=True, age=75), "PAUSED: 1 min 15 s old | press space to go on"),
        (replace(LOST, paused=True), "PAUSED: 3.4 s old | nothing listens there (trying again)"),
    ],
)
def test_the_banner_says_how_old_and_why(situation: Situation, expected: str) -> None:
    assert words(situation) == expected
    assert overlay.look(situation) is (Look.PAUSED if situation.paused else Look.STALE)


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        (Situation("porch"), "Connecting to porch | "),
        (replace(LOST, age=None), "Connecting to porch | nothing listens there (trying again)"),
        (replace(LIVE, age=None), "No picture yet | porch is connected; waiting for its first picture"),
        (
            replace(STOPPED, age=None),
            "No picture yet | the camera is switched off: the button; press t to switch it on",
        ),
    ],
)
def test_before_the_first_picture_it_says_what_is_awaited(situation: Situation, expected: str) -> None:
    assert words(situation) == expected
    assert overlay.look(situation) is Look.EMPTY


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-0.2, "0.0 s"),
        (3.44, "3.4 s"),
        (9.94, "9.9 s"),
        (41.9, "41 s"),
        (125, "2 min 05 s"),
        (3599, "59 min 59 s"),
        (11_520, "3 h 12 min"),
    ],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert overlay.duration(seconds) == text


def test_a_recording_tells_how_it_goes(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "walk.mkv")
    recorder.seconds, recorder.bytes = 75.4, 12_340_000
    assert overlay.recording(recorder) == "REC  1 min 15 s  12.3 MB"
    recorder.dropped = 3
    assert overlay.recording(recorder) == "REC  1 min 15 s  12.3 MB  3 DROPPED"


# The panel


def test_the_panel_tells_all_of_the_figures() -> None:
    assert rows() == {
        "fps": "30.0",
        "age": "8.4 ± 0.3 ms, camera to screen",
        "size": "1280 × 720",
        "bitrate": "21.6 Mbit/s",
        "dropped": "3 before they came, 2 at the screen",
        "state": "streaming",
        "camera": "porch, C920",
        "encoder": "libjpeg-turbo",
        "credit": "2 frames in flight",
        "link": "TLS, round trip 1.2 ms",
    }


def test_a_link_without_tls_is_said_loudly() -> None:
    assert rows(tls=False)["link"] == "NOT ENCRYPTED, round trip 1.2 ms"


def test_an_age_that_cannot_be_known_is_not_claimed() -> None:
    age = next(value for what, value in rows(frame=received(UNKNOWN)).items() if what == "age")
    assert age.startswith("8.4 ms since it came")
    assert "round trip" not in rows(frame=received(UNKNOWN))["link"], "there are no pings"
    assert "credit" not in rows(frame=received(UNKNOWN))


def test_a_state_from_before_the_connection_was_lost_is_not_told() -> None:
    assert rows(LOST)["state"] == "not connected"


def test_without_a_status_the_rest_is_still_told() -> None:
    assert rows(replace(LIVE, status=None)).keys() == {"fps", "age", "size", "bitrate", "dropped", "credit", "link"}


def test_a_long_value_goes_on_below() -> None:
    reason = "the Pi's hardware encoder is busy with another stream, so the processor does it"
    status = Status("STREAMING", camera="C920", encoder="libjpeg-turbo", encoder_reason=reason)
    table = overlay.panel(replace(LIVE, status=status), received(), Figures(), Statistics(), True)
    begin = table.index(("encoder", "libjpeg-turbo: the Pi's hardware encoder is"))
    assert table[begin + 1] == ("", "busy with another stream, so the processor")
    assert all(len(value) <= overlay.COLUMNS for _, value in table)


# Layout


@pytest.mark.parametrize(
    ("picture", "window", "place"),
    [
        ((640, 480), (640, 480), (0, 0, 640, 480)),
        ((640, 480), (1280, 720), (160, 0, 960, 720)),
        ((1280, 720), (640, 480), (0, 60, 640, 360)),
        ((1280, 720), (1920, 1080), (0, 0, 1920, 1080)),
        ((65535, 1), (160, 120), (0, 59, 160, 1)),
    ],
)
def test_the_picture_is_centred_between_bars(
    picture: tuple[int, int], window: tuple[int, int], place: tuple[int, int, int, int]
) -> None:
    assert overlay.fit(picture, window) == place


@given(st.tuples(sides, sides), st.tuples(sides, sides))
def test_the_picture_keeps_its_shape_and_fills_one_direction(picture: tuple[int, int], window: tuple[int, int]) -> None:
    left, top, width, height = overlay.fit(picture, window)
    assert 0 <= left <= window[0] - width
    assert 0 <= top <= window[1] - height
    assert width == window[0] or height == window[1]
    scale = min(window[0] / picture[0], window[1] / picture[1])
    assert abs(width - scale * picture[0]) <= 1
    assert abs(height - scale * picture[1]) <= 1


@pytest.mark.parametrize(
    ("picture", "desktop", "size"),
    [
        ((640, 480), (1920, 1080), (640, 480)),
        ((1920, 1080), (1920, 1080), (1728, 972)),
        ((4000, 300), (1920, 1080), (1728, 130)),
    ],
)
def test_a_new_window_is_as_large_as_the_picture_or_fits(
    picture: tuple[int, int], desktop: tuple[int, int], size: tuple[int, int]
) -> None:
    assert overlay.first_size(picture, desktop) == size


def test_text_grows_with_the_window_and_stays_legible() -> None:
    heights = [overlay.text_height(size) for size in ((160, 120), (640, 480), (1280, 720), (3840, 2160))]
    assert heights == [13, 13, 18, 54]


def test_a_small_window_shows_the_first_rows_only() -> None:
    assert overlay.rows_that_fit((320, 120), 13) == 3
    assert overlay.rows_that_fit((1280, 720), 18) >= 10


def test_sentences_are_broken_to_the_width_of_the_window() -> None:
    assert overlay.wrap("nothing listens there", 160, 10) == ["nothing listens", "there"]
    assert overlay.wrap("x" * 40, 200, 10) == ["x" * 20, "x" * 20]
    assert overlay.wrap(" ", 200, 10) == [""]
