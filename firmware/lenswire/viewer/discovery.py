"""The cameras that there are: of the address book and of the network, side by side, and what each is doing."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from lenswire.errors import ConnectError, LinkError, MissingDependency, Refused
from lenswire.link import AddressBook, Target
from lenswire.messages import Status
from lenswire.viewer.connection import Limits, Stream
from lenswire.viewer.neighbours import Neighbour, Neighbours

LIMIT = 2.0  # seconds for all of it: who has not answered by then is away
FAREWELL = 0.2  # seconds
MOST = 256  # connections at once, whatever the network says


Answer: TypeAlias = Status | Exception  # what a device told, or why it tells nothing
Answers: TypeAlias = Mapping[Target, Answer]


@dataclass(frozen=True, slots=True)
class Entry:
    """One camera: where it is now, and how it is."""

    target: Target
    name: str
    booked: bool  # in the address book
    announced: bool  # on the network
    open: bool  # it can be watched from here: there is a key, or none is needed
    answer: Answer | None = None

    @property
    def status(self) -> Status | None:
        """If it told one."""
        return self.answer if isinstance(self.answer, Status) else None

    @property
    def reason(self) -> str:
        """Why it is in this state, as far as anybody said."""
        return self.answer.reason if isinstance(self.answer, Status) else str(self.answer or "")

    @property
    def how(self) -> str:
        """What is between us and it."""
        if self.target.legacy:
            return "article's dialect"
        if not self.target.fingerprint:
            return "no key, not encrypted" if self.open else "TLS"
        return "paired, TLS" if self.target.key else "TLS"

    @property
    def state(self) -> str:
        """In one word, for programs."""
        if self.status:
            return self.status.state
        if not self.open:
            return "NOT_PAIRED"
        return "UNKNOWN" if self.target.legacy else "REFUSED" if isinstance(self.answer, Refused) else "AWAY"

    @property
    def words(self) -> str:
        """The same for a person."""
        match self.state:
            case "NOT_PAIRED":
                return "not paired: run 'lenswire pair' on it"
            case "AWAY":
                return "announced, but no answer" if self.announced else "away"
            case "UNKNOWN":
                return ""
            case "REFUSED":
                return self.reason
            case state:
                return f"{state}: {self.reason}" if self.reason else state


def look(book: Iterable[Target], network: bool = True, limit: float = LIMIT) -> tuple[list[Entry], str]:
    """Every camera, those of the address book first; and why the network could not be looked at, if so.

    With the network it takes `limit` seconds, since nobody says that all have answered; without, no longer than that.
    """
    known = list(book)
    end = time.monotonic() + limit
    with Inquiry() as inquiry, contextlib.ExitStack() as stack:
        inquiry.ask(target for target in known if not target.legacy)
        neighbours, trouble = None, ""
        if network:
            try:
                neighbours = stack.enter_context(Neighbours(inquiry.wake))
            except (ConnectError, MissingDependency) as error:
                trouble = str(error)
        found: list[Neighbour] = []
        while (neighbours or inquiry.busy) and (left := end - time.monotonic()) > 0:
            found = neighbours.found if neighbours else []
            inquiry.ask(place for one in found for place in places(one, known))
            inquiry.wait(left)
        return entries(known, found, inquiry.answers), trouble


def the_only_camera(book: AddressBook, look: Callable[[list[Target]], tuple[list[Entry], str]] = look) -> Target:
    """What to watch when nobody says what: the one in the address book; if that is empty, the one that is announced and
    wants no key. Raises LinkError, which lists what there is.

    Who has one camera gets it at once, whatever strangers announce.
    """
    known = list(book)
    if len(known) == 1:
        return known[0]
    seen, trouble = look(known)
    free = [entry for entry in seen if entry.open]
    if not known and len(free) == 1:
        return free[0].target
    if not seen:
        raise LinkError(
            f"there is no camera in the address book, and {trouble or 'none was found on the network'}; run 'lenswire "
            "pair' on the device, and here: lenswire cameras add 'LINK' --name NAME"
        )
    what = (
        "which camera? lenswire view NAME (or ADDRESS), or several, or --all of the address book:"
        if free
        else "none of these can be watched before its link is here: lenswire cameras add 'LINK' --name NAME"
    )
    raise LinkError("\n".join([what, *table(seen)]))


def table(seen: list[Entry]) -> list[str]:
    """One line for each camera."""
    rows = [(entry.name, entry.target.address, entry.how, entry.words) for entry in seen]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


# Who is who


def places(neighbour: Neighbour, known: list[Target]) -> Iterator[Target]:
    """Where else to connect: as every camera of the address book that has its fingerprint and another address; or, if
    it is nobody's and wants no key, as a stranger.
    """
    owners = [target for target in known if is_it(neighbour, target)]
    for target in owners:
        if target.fingerprint and (target.host, target.port) not in (
            (one, neighbour.port) for one in neighbour.addresses
        ):
            yield from (replace(target, host=address, port=neighbour.port) for address in neighbour.addresses)
    if neighbour.open and not owners:
        yield Target(neighbour.addresses[0], neighbour.port)


def is_it(neighbour: Neighbour, target: Target) -> bool:
    """What announces itself so may be that camera; the fingerprint tells, and for one without, the address."""
    if target.fingerprint:
        return target.fingerprint == neighbour.fingerprint
    return neighbour.port == target.port and target.host in (neighbour.host, *neighbour.addresses)


def entries(known: list[Target], found: list[Neighbour], answers: Answers) -> list[Entry]:
    """What came of it; one entry for each camera, however often it is announced."""
    strangers: dict[object, Entry] = {}
    for neighbour in found:
        if not any(is_it(neighbour, target) for target in known):
            who = neighbour.fingerprint or neighbour.addresses, neighbour.port
            strangers.setdefault(who, _stranger(neighbour, answers))
    return [*(_booked(target, found, answers) for target in known), *strangers.values()]


def _booked(target: Target, found: list[Neighbour], answers: Answers) -> Entry:
    its = [neighbour for neighbour in found if is_it(neighbour, target)]
    where = [target, *(place for neighbour in its for place in places(neighbour, [target]))]
    met = max(where, key=lambda place: _weight(answers.get(place)))  # at its own address, if none weighs more
    return Entry(met, target.name, booked=True, announced=bool(its), open=True, answer=answers.get(met))


def _weight(answer: Answer | None) -> int:
    """Of several the one that says most: a status, else a refusal in words."""
    return 2 if isinstance(answer, Status) else 1 if isinstance(answer, Refused) else 0


def _stranger(neighbour: Neighbour, answers: Answers) -> Entry:
    target = Target(neighbour.addresses[0], neighbour.port, b"" if neighbour.open else neighbour.fingerprint)
    return Entry(target, neighbour.name, False, True, neighbour.open, answers.get(target))


class Inquiry:
    """Asks many devices at once how they are: each is connected to, and its first status is taken."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits(connect=LIMIT, silence=LIMIT, search=0)
        self._streams: dict[Target, Stream] = {}
        self._news = threading.Event()

    def __enter__(self) -> Inquiry:
        return self

    def __exit__(self, *_: object) -> None:
        # A look-up of a name can hold one up for seconds: they end side by side, and the slowest is not waited for.
        ends = [threading.Thread(target=stream.stop, daemon=True) for stream in self._streams.values()]
        for end in ends:
            end.start()
        until = time.monotonic() + FAREWELL
        for end in ends:
            end.join(max(0, until - time.monotonic()))

    def ask(self, targets: Iterable[Target]) -> None:
        """Begin; a target that was asked already is left alone."""
        for target in targets:
            if target not in self._streams and len(self._streams) < MOST:
                stream = Stream(target, None, lambda received: None, reconnect=False, limits=self._limits)
                stream.on_change = self.wake
                self._streams[target] = stream
                stream.start()

    def wake(self) -> None:
        """Something is new. From any thread."""
        self._news.set()

    def wait(self, seconds: float) -> None:
        """Until something is new."""
        self._news.wait(seconds)
        self._news.clear()

    @property
    def busy(self) -> bool:
        """Somebody may still answer."""
        return len(self.answers) < len(self._streams)

    @property
    def answers(self) -> dict[Target, Answer]:
        """So far."""
        told = ((target, stream.status or stream.failure) for target, stream in self._streams.items())
        return {target: answer for target, answer in told if answer}
