"""Every command gets exactly one Result."""

from __future__ import annotations

from lenswire.messages import Command, Result, Verb
from lenswire.viewer.orders import MAX_COMMANDS, Orders


def connected() -> tuple[Orders, list[Result]]:
    results: list[Result] = []
    orders = Orders(results.append)
    orders.connected()
    return orders, results


def test_a_command_is_sent_once_and_answered_once() -> None:
    orders, results = connected()
    number = orders.give(Verb.TOGGLE)
    assert orders.take() == [Command(number, Verb.TOGGLE)]
    assert orders.take() == []
    orders.answered(Result(number, True, "STOPPED"))
    orders.answered(Result(number, True, "STOPPED"))
    orders.lost("gone")
    assert results == [Result(number, True, "STOPPED")]


def test_without_a_connection_the_answer_is_no() -> None:
    results: list[Result] = []
    orders = Orders(results.append)
    number = orders.give(Verb.START)
    assert results == [Result(number, False, "not connected")]


def test_a_command_does_not_outlive_its_connection() -> None:
    orders, results = connected()
    number = orders.give(Verb.TOGGLE)
    orders.lost("the device died")
    assert results == [Result(number, False, "no answer: the device died")]
    orders.connected()
    assert orders.take() == []
    orders.lost("again")
    orders.give(Verb.STOP)
    assert results[1].text == "not connected: again"


def test_only_so_many_wait_for_an_answer() -> None:
    orders, results = connected()
    numbers = [orders.give(Verb.TOGGLE) for _ in range(MAX_COMMANDS + 1)]
    assert [(result.number, result.ok) for result in results] == [(numbers[-1], False)]
    assert len(orders.take()) == MAX_COMMANDS


def test_an_answer_to_nothing_is_passed_over() -> None:
    orders, results = connected()
    orders.answered(Result(99, True, "who?"))
    assert results == []
