"""The law of age on a simulated link: real protocol and viewer, a camera and a link on a clock of their own."""

from __future__ import annotations

import random

import pytest
from simulated_link import SECOND, Link, Simulation

from lenswire.messages import MAX_WINDOW, Frame
from lenswire.viewer.credit import FIRST_WINDOW, CreditPolicy

PERIOD = 1 / 30
SIZE = 100_000  # bytes of a frame


def that_takes(transfer: float) -> float:
    """The link's rate at which a frame takes so long, in bytes per second."""
    return SIZE / transfer


# What the aim is


def test_a_fast_link_gives_every_frame_at_once_for_half_a_credit_each() -> None:
    simulation = Simulation(Link(rate=1e8))
    simulation.run(60)
    assert simulation.rate(last=59) == pytest.approx(30, abs=0.1)
    assert simulation.statistics.dropped == 0
    assert max(simulation.ages(last=60)) < 0.005
    assert simulation.credits < 0.6 * len(simulation.seen)


@pytest.mark.parametrize("periods", [1.1, 1.5, 2, 3, 10, 30])
def test_on_a_slow_link_pictures_stay_young(periods: float) -> None:
    transfer = periods * PERIOD
    simulation = Simulation(Link(rate=that_takes(transfer)))
    simulation.run(60)
    assert max(simulation.ages(last=60)) <= 3 * transfer + 0.1
    # Once it is known: its own transfer, and the period in which it waited for its turn at the device.
    assert max(simulation.ages(last=50)) <= transfer + PERIOD + 0.02
    assert simulation.rate(last=50) >= 0.85 / transfer


@pytest.mark.parametrize("down", [0.1, 0.19, 0.01])
def test_a_long_round_trip_costs_no_frame_however_unequal_the_ways(down: float) -> None:
    simulation = Simulation(Link(rate=1e8, down=down, up=0.2 - down))
    simulation.run(30)
    assert simulation.rate(last=28) == pytest.approx(30, abs=0.2)
    assert max(simulation.ages(last=28)) < down + 0.02


@pytest.mark.parametrize("periods", [1.5, 3, 10])
def test_a_slow_link_with_a_long_round_trip_is_kept_busy_without_a_queue(periods: float) -> None:
    transfer = periods * PERIOD
    simulation = Simulation(Link(rate=that_takes(transfer), down=0.1, up=0.1))
    simulation.run(60)
    assert simulation.rate(last=50) >= 0.85 / transfer
    assert max(simulation.ages(last=50)) <= 0.1 + 2 * transfer + PERIOD


# What may happen


def test_a_link_that_breaks_down_to_a_tenth_and_recovers() -> None:
    simulation = Simulation(Link(rate=1e8))
    simulation.run(20)
    transfer = 10 * PERIOD
    simulation.link.rate = that_takes(transfer)
    simulation.run(20)
    assert max(simulation.ages(last=20)) <= 3 * transfer + 0.1
    assert max(simulation.ages(last=15)) <= transfer + PERIOD + 0.02
    simulation.link.rate = 1e8
    simulation.run(5)
    assert simulation.rate(last=4) == pytest.approx(30, abs=0.3)


def test_after_a_stall_the_full_rate_is_back_at_once() -> None:
    simulation = Simulation(Link(rate=1e8, extra=lambda now: 0.3 if 10 < now < 10.3 else 0.0))
    simulation.run(12)
    assert simulation.rate(last=1.2) == pytest.approx(30, abs=1)
    assert max(simulation.ages(last=1.2)) < 0.01


@pytest.mark.parametrize(("tremble", "least"), [(0.02, 28), (0.05, 20)])
def test_a_trembling_link_is_not_taken_for_a_slow_one(tremble: float, least: float) -> None:
    chance = random.Random(1)
    simulation = Simulation(Link(rate=1e7, down=0.002, up=0.002, extra=lambda now: chance.expovariate(1 / tremble)))
    simulation.run(60)
    assert simulation.rate(last=50) >= least


# What the estimates say


@pytest.mark.parametrize("link", [Link(1e8, 0.005, 0.005), Link(1e8, 0.05, 0.01), Link(that_takes(0.3), 0.01, 0.03)])
def test_the_age_told_is_the_true_age_within_the_error_told(link: Link) -> None:
    simulation = Simulation(link, drift_ppm=300)
    simulation.run(30)
    for received, true in simulation.seen:
        assert abs(received.age(received.received) - true) <= received.clock_error / SECOND


# The policy by itself


def frame(number: int, captured: int) -> Frame:
    return Frame(number, captured, 1, 640, 480, 0, 0, b"x")


def test_the_window_is_never_over_the_limit() -> None:
    policy = CreditPolicy(now=0)
    for number in range(1, 20):
        now = number * SECOND // 100
        window = policy.arrived(frame(number, now), ready=now, received=now + 1, round_trip=10 * SECOND)
        assert window is None or window <= MAX_WINDOW
    assert policy.window == MAX_WINDOW


def test_frames_that_cannot_be_compared_leave_the_window_as_it_is() -> None:
    policy = CreditPolicy(now=0)
    for number in range(1, 5):
        other = Frame(7, number * SECOND, number, 640, 480, 0, 0, b"x")  # each in a rendition of its own
        assert policy.arrived(other, number * SECOND, number * SECOND, round_trip=1000) == FIRST_WINDOW
