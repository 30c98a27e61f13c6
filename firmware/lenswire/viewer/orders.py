"""Commands on their way to the device. Every one of them gets exactly one Result, also when the connection is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lenswire.messages import Command, Result, Verb

# Commands that wait for their answers. More are turned away: a person does not press so many buttons in a second.
MAX_COMMANDS = 8


class Orders:
    """May be used from any thread; answer(result) is called from the one that brings the result about."""

    def __init__(self, answer: Callable[[Result], None]) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self._number = 0
        self._unsent: list[Command] = []
        self._unanswered: set[int] = set()
        self._obstacle = "not connected"

    def give(self, verb: Verb) -> int:
        """A new command; its number comes back in the Result, at once if it cannot be sent."""
        with self._lock:
            self._number += 1
            number, obstacle = self._number, self._obstacle
            if not obstacle and len(self._unanswered) >= MAX_COMMANDS:
                obstacle = f"the device has not answered the last {MAX_COMMANDS} commands"
            if not obstacle:
                self._unsent.append(Command(number, verb))
                self._unanswered.add(number)
        if obstacle:
            self._answer(Result(number, False, obstacle))
        return number

    def connected(self) -> None:
        """Commands can be sent from now on."""
        with self._lock:
            self._obstacle = ""

    def take(self) -> list[Command]:
        """What is to be sent now."""
        with self._lock:
            commands, self._unsent = self._unsent, []
            return commands

    def answered(self, result: Result) -> None:
        with self._lock:
            if result.number not in self._unanswered:
                return
            self._unanswered.discard(result.number)
        self._answer(result)

    def lost(self, problem: str) -> None:
        """The connection has ended: a command must not be carried out when the device returns an hour later."""
        with self._lock:
            lost, self._unanswered, self._unsent = sorted(self._unanswered), set(), []
            self._obstacle = f"not connected: {problem}"
        for number in lost:
            self._answer(Result(number, False, f"no answer: {problem}"))
