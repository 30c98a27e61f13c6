"""`lenswire doctor`: a page about this machine for a bug report, with how to mend what is wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing about the machine. mend: what to do about it, one line; empty if nothing is wrong."""

    topic: str
    words: str
    mend: str = ""
