"""Control: events in, wishes and news out."""

import pytest

from lenswire.device.control import Control
from lenswire.device.state import Event, State


class Outside:
    """What control talks to, written down."""

    def __init__(self) -> None:
        self.wishes: list[tuple[bool, bool]] = []
        self.retries = 0
        self.changes: list[tuple[State, str]] = []
        self.control = Control(self.want, self.retry, self.changed)

    def want(self, camera: bool, encode: bool) -> None:
        self.wishes.append((camera, encode))

    def retry(self) -> None:
        self.retries += 1

    def changed(self) -> None:
        self.changes.append((self.control.state, self.control.reason))


@pytest.fixture
def outside() -> Outside:
    outside = Outside()
    outside.control.begin()
    return outside


def test_a_viewer_starts_the_encoding_and_the_last_one_ends_it(outside: Outside) -> None:
    assert outside.control.post(Event.WATCHED) is State.STREAMING
    assert outside.control.post(Event.UNWATCHED) is State.READY
    assert outside.wishes == [(True, False), (True, True), (True, False)]


def test_stop_closes_the_sensor_and_says_who(outside: Outside) -> None:
    outside.control.post(Event.WATCHED)
    assert outside.control.post(Event.STOP, "stop by kitchen") is State.STOPPED
    assert outside.wishes[-1] == (False, False)
    assert outside.changes[-1] == (State.STOPPED, "stop by kitchen")


@pytest.mark.parametrize("event", [Event.START, Event.TOGGLE])
def test_who_watched_while_it_was_stopped_gets_the_picture_back(outside: Outside, event: Event) -> None:
    outside.control.post(Event.WATCHED)
    outside.control.post(Event.STOP)
    assert outside.control.post(event) is State.STREAMING
    assert outside.wishes[-1] == (True, True)


def test_who_came_while_it_was_stopped_is_not_forgotten(outside: Outside) -> None:
    outside.control.post(Event.STOP)
    assert outside.control.post(Event.WATCHED) is State.STOPPED
    assert outside.control.post(Event.START) is State.STREAMING


def test_a_lost_camera_that_is_found_streams_again(outside: Outside) -> None:
    outside.control.post(Event.WATCHED)
    assert outside.control.post(Event.LOST, "unplugged") is State.FAULT
    assert outside.wishes[-1] == (True, False)
    assert outside.control.post(Event.FOUND) is State.STREAMING


def test_a_new_reason_for_the_fault_is_news_and_the_same_one_is_not(outside: Outside) -> None:
    for reason in ("unplugged", "unplugged", "busy"):
        outside.control.post(Event.LOST, reason)
    assert [reason for state, reason in outside.changes if state is State.FAULT] == ["unplugged", "busy"]


def test_start_in_fault_tries_at_once(outside: Outside) -> None:
    outside.control.post(Event.LOST, "busy")
    assert outside.control.post(Event.START) is State.FAULT
    assert outside.retries == 1


def test_a_camera_found_after_stop_does_not_start_it(outside: Outside) -> None:
    outside.control.post(Event.STOP)
    outside.control.post(Event.FOUND)
    outside.control.post(Event.LOST)
    assert outside.control.state is State.STOPPED
    assert outside.wishes[-1] == (False, False)


def test_it_may_start_stopped() -> None:
    outside = Outside()
    outside.control.begin(State.STOPPED)
    assert outside.wishes == [(False, False)]
