"""The page, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

from lenswire.device.doctor import Fact

MARGIN = 12  # columns of the topics


def line(fact: Fact) -> str:
    """One fact; what is wrong has a mark in front, and a second line that says how to mend it."""
    mark = "!" if fact.mend else " "
    mend = f"\n  {'':{MARGIN}} mend: {fact.mend}" if fact.mend else ""
    return f"{mark} {fact.topic:{MARGIN}} {fact.words}{mend}"


def closing(facts: Iterable[Fact]) -> str:
    """The last line of the page."""
    wrong = sum(bool(fact.mend) for fact in facts)
    return "nothing is wrong, as far as can be seen" if not wrong else f"{wrong} to mend"


def as_json(facts: Iterable[Fact]) -> str:
    return json.dumps([asdict(fact) for fact in facts], ensure_ascii=False, indent=1)
