"""What was measured, its medians, and how it stands against the bar."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """What a figure of ours may be at most, or at least: absolute, or times that of bare Python."""

    limit: float
    at_least: bool = False
    of_bare: bool = False

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:.3g}{' x bare' if self.of_bare else ''}"

    def kept(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


RATIO = Bar(1.2, of_bare=True)
OURS, BARE = "lenswire", "bare Python"


class Figures:
    """Values by what they are about and whose they are; several rounds give several values."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self._bars: dict[str, Bar] = {}

    def add(self, what: str, peer: str, value: float, bar: Bar | None = None) -> None:
        self._values[what][peer].append(value)
        if bar:
            self._bars[what] = bar

    def median(self, what: str, peer: str) -> float | None:
        """None if it was not measured."""
        values = self._values.get(what, {}).get(peer)
        return statistics.median(values) if values else None

    @property
    def peers(self) -> list[str]:
        return list(dict.fromkeys(peer for values in self._values.values() for peer in values))

    def table(self) -> str:
        """Markdown: a line for each figure, a column for each peer."""
        peers = self.peers
        lines = [_line(["", *peers, "rounds", f"{OURS} / bare", "bar", ""]), _line(["---"] * (len(peers) + 5))]
        return "\n".join(lines + [self._row(what, peers) for what in self._values])

    def _row(self, what: str, peers: list[str]) -> str:
        medians = {peer: statistics.median(values) for peer, values in self._values[what].items()}
        cells = [_short(medians[peer]) if peer in medians else "" for peer in peers]
        rounds = " or ".join(map(str, sorted({len(values) for values in self._values[what].values()})))
        ratio = medians[OURS] / medians[BARE] if medians.get(BARE) and OURS in medians else None
        bar = self._bars.get(what)
        value = ratio if bar and bar.of_bare else medians.get(OURS)
        verdict = ("kept" if bar.kept(value) else "MISSED") if bar and value is not None else ""
        return _line([what, *cells, rounds, f"{ratio:.2f}" if ratio is not None else "", str(bar or ""), verdict])


def percentile(values: Iterable[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def _short(value: float) -> str:
    """Three figures, and no powers of ten."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
