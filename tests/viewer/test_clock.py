"""The device's clock, guessed from pings."""

from __future__ import annotations

import random

import pytest

from lenswire.viewer.clock import DRIFT_PPM, WINDOW, Clock

MS = 1_000_000
SECOND = 1000 * MS


def test_nothing_is_known_before_the_first_pong() -> None:
    clock = Clock()
    assert not clock.known
    assert clock.round_trip == 0


def test_one_exchange_gives_the_middle_and_half_the_round_trip() -> None:
    clock = Clock()
    clock.learn(sent=100, theirs=5_000, received=300)
    assert clock.ours(5_000, now=300) == (200, 100)
    assert clock.round_trip == 200


def test_the_quickest_exchange_is_believed() -> None:
    clock = Clock()
    clock.learn(0, 1_000 * MS + 90 * MS, 100 * MS)  # 90 ms there, 10 ms back
    clock.learn(200 * MS, 1_201 * MS, 202 * MS)  # 1 ms there, 1 ms back
    clock.learn(300 * MS, 1_310 * MS, 400 * MS)
    ours, error = clock.ours(1_500 * MS, now=400 * MS)
    assert ours == 500 * MS
    assert error == MS + 198 * MS * DRIFT_PPM // 1_000_000


def test_an_exchange_is_worth_less_as_the_clocks_drift_apart() -> None:
    clock = Clock()
    clock.learn(0, 7_000, 100)
    error_at_once, error_later = (clock.ours(7_000, now)[1] for now in (100, 100 + SECOND))
    assert error_later - error_at_once == SECOND * DRIFT_PPM // 1_000_000
    clock.learn(9 * SECOND, 9 * SECOND + 50 * MS, 9 * SECOND + 2 * MS)  # slower, but of now
    assert clock.ours(9 * SECOND, 9 * SECOND + 2 * MS)[0] == 9 * SECOND - 49 * MS


def test_old_exchanges_are_forgotten_but_not_the_shortest_round_trip() -> None:
    clock = Clock()
    clock.learn(0, 0, 2)
    clock.learn(WINDOW + 10, WINDOW + 10, WINDOW + 510)
    assert clock.ours(0, WINDOW + 510)[1] == 250
    assert clock.round_trip == 2


def test_an_answer_from_the_future_is_none() -> None:
    clock = Clock()
    clock.learn(sent=500, theirs=1, received=400)
    assert not clock.known


@pytest.mark.parametrize("drift_ppm", [-DRIFT_PPM, -50, 0, 300, DRIFT_PPM])
def test_the_error_it_admits_is_never_exceeded(drift_ppm: int) -> None:
    chance = random.Random(drift_ppm)
    clock = Clock()

    def theirs(ours: int) -> int:
        return 77 * SECOND + ours + ours * drift_ppm // 1_000_000

    now = 0
    for _ in range(200):
        sent, there, back = now, *(int(chance.expovariate(1 / (20 * MS))) for _ in range(2))
        now = sent + there + back
        clock.learn(sent, theirs(sent + there), now)
        moment = now - chance.randrange(500 * MS)
        guess, error = clock.ours(theirs(moment), now)
        # The moment itself is up to 500 ms back, in which the clocks drifted, too.
        assert abs(guess - moment) <= error + 500 * MS * DRIFT_PPM // 1_000_000
        now += SECOND
