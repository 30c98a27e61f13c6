"""One slot: the newest wins, what nobody took is counted, and who waits is woken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lenswire.latest import Latest

PATIENCE = 10.0  # seconds; only a failure waits so long


@contextmanager
def taking(latest: Latest[int]) -> Iterator[Callable[[], int | None]]:
    """A thread that takes one value, waiting for ever; the result once it has."""
    taken: list[int | None] = []
    thread = threading.Thread(target=lambda: taken.append(latest.take(None)), daemon=True)

    def result() -> int | None:
        thread.join(PATIENCE)
        assert not thread.is_alive()
        return taken[0]

    thread.start()
    yield result


def test_there_is_nothing_at_first() -> None:
    assert Latest[int]().take() is None
    assert Latest[int]().take(0.001) is None


def test_the_newest_wins_and_the_rest_is_counted() -> None:
    latest = Latest[int]()
    for value in (1, 2, 3):
        latest.put(value)
    assert (latest.take(), latest.take(), latest.dropped) == (3, None, 2)


def test_what_was_taken_was_not_dropped() -> None:
    latest = Latest[int]()
    for value in range(5):
        latest.put(value)
        assert latest.take() == value
    assert latest.dropped == 0


@pytest.mark.parametrize("value", [0, 1])
def test_a_value_wakes_who_waits(value: int) -> None:
    latest = Latest[int]()
    with taking(latest) as result:
        latest.put(value)
        assert result() == value


def test_closing_wakes_who_waits() -> None:
    latest = Latest[int]()
    with taking(latest) as first, taking(latest) as second:
        latest.close()
        assert first() is second() is None


def test_nobody_waits_for_a_closed_slot_but_what_is_in_it_can_be_taken() -> None:
    latest = Latest[int]()
    latest.put(1)
    latest.close()
    assert latest.closed and not Latest[int]().closed
    assert (latest.take(None), latest.take(None)) == (1, None)


def test_between_two_threads_nothing_is_lost_uncounted_and_the_last_arrives() -> None:
    latest, total = Latest[int](), 10_000
    taken: list[int] = []

    def produce() -> None:
        for value in range(total):
            latest.put(value)

    producer = threading.Thread(target=produce)
    producer.start()
    while not taken or taken[-1] != total - 1:
        value = latest.take(PATIENCE)
        assert value is not None
        taken.append(value)
    producer.join()
    assert taken == sorted(set(taken))
    assert len(taken) + latest.dropped == total
