"""The cameras that there are: of the address book and of the network, side by side, and what each is doing."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lenswire.errors import ConnectError, LinkError, MissingDependency, Refused
from lenswire.link import AddressBook, Target
from lenswire.messages import Status
from lenswire.viewer.connection import Limits, Stream
from lenswire.viewer.neighbours import Neighbour, Neighbours

LIMIT = 2.0  # seconds for all of it: who has not answered by then is away
FAREWELL = 0.2  # seconds
MOST = 256  # connections at once, whatever the network says


@dataclass(frozen=True, slots=True)
class Entry:
    """One camera: where it is now, and how it is. status: None if it told none, and `reason` may say why."""

    target: Target
    name: str
    booked: bool  # in the address book
    announced: bool  # on the network
    open: bool  # it can be watched from here: there is a key, or none is needed
    status: Status | None = None
    reason: str = ""
    refused: bool = False

    @property
    def how(self) -> str:
        """What is between us and it."""
        if self.target.legacy:
            return "article's dialect"
        if not self.target.fingerprint:
            return "no key, not encrypted"
        return "paired, TLS" if self.target.key else "TLS"

    @property
    def state(self) -> str:
        """In one word, for programs."""
        if self.status:
            return self.status.state
        if not self.open:
            return "NOT_PAIRED"
        return "UNKNOWN" if self.target.legacy else "REFUSED" if self.refused else "AWAY"

    @property
    def words(self) -> str:
        """The same for a person."""
        if self.status:
            return f"{self.status.state}: {self.status.reason}" if self.status.reason else self.status.state
        if not self.open:
            return "not paired: run 'lenswire pair' on it"
        if self.refused:
            return self.reason
        return "" if self.target.legacy else "announced, but no answer" if self.announced else "away"


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
        return entries(known, found, inquiry), trouble


def the_only_camera(book: AddressBook) -> Target:
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
    what = "which camera? lenswire view NAME" if free else "none of these cameras can be watched before it is paired"
    raise LinkError("\n".join([what, *table(seen)]))


def table(seen: list[Entry]) -> list[str]:
    """One line for each camera."""
    rows = [(entry.name, entry.target.address, entry.how, entry.words) for entry in seen]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


# Who is who


def places(neighbour: Neighbour, known: list[Target]) -> Iterator[Target]:
    """As whom to connect to it: as every camera of the address book that has its fingerprint, or, if it is nobody's and
    wants no key, as a stranger.
    """
    owners = [target for target in known if is_it(neighbour, target)]
    for target in owners:
        if target.fingerprint:
            yield from (replace(target, host=address, port=neighbour.port) for address in neighbour.addresses)
    if neighbour.open and not owners:
        yield Target(neighbour.addresses[0], neighbour.port)


def is_it(neighbour: Neighbour, target: Target) -> bool:
    """What announces itself so may be that camera; the fingerprint tells, and for one without, the address."""
    if target.fingerprint:
        return target.fingerprint == neighbour.fingerprint
    return neighbour.port == target.port and target.host in (neighbour.host, *neighbour.addresses)


def entries(known: list[Target], found: list[Neighbour], inquiry: Inquiry) -> list[Entry]:
    """What came of it; one entry for each camera, however often it is announced."""
    strangers: dict[object, Entry] = {}
    for neighbour in found:
        if not any(is_it(neighbour, target) for target in known):
            entry = _stranger(neighbour, inquiry)
            strangers.setdefault(
                (neighbour.fingerprint, neighbour.port) if neighbour.fingerprint else entry.target, entry
            )
    return [*(_booked(target, found, inquiry) for target in known), *strangers.values()]


def _booked(target: Target, found: list[Neighbour], inquiry: Inquiry) -> Entry:
    its = [neighbour for neighbour in found if is_it(neighbour, target)]
    where = [target, *(place for neighbour in its for place in places(neighbour, [target]))]
    met = next((place for place in where if inquiry.status(place)), target)
    failures = [failure for place in where if (failure := inquiry.failure(place))]
    refusal = next((failure for failure in failures if isinstance(failure, Refused)), None)
    return Entry(
        target=met,
        name=target.name,
        booked=True,
        announced=bool(its),
        open=True,
        status=inquiry.status(met),
        reason=str(refusal or next(iter(failures), "")),
        refused=refusal is not None,
    )


def _stranger(neighbour: Neighbour, inquiry: Inquiry) -> Entry:
    target = Target(neighbour.addresses[0], neighbour.port, b"" if neighbour.open else neighbour.fingerprint)
    failure = inquiry.failure(target)
    return Entry(
        target=target,
        name=neighbour.name,
        booked=False,
        announced=True,
        open=neighbour.open,
        status=inquiry.status(target),
        reason=str(failure or ""),
        refused=isinstance(failure, Refused),
    )


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
        return any(stream.status is None and stream.failure is None for stream in self._streams.values())

    def status(self, target: Target) -> Status | None:
        """What it told; None so far."""
        stream = self._streams.get(target)
        return stream.status if stream else None

    def failure(self, target: Target) -> Exception | None:
        """Why it told nothing, and will not."""
        stream = self._streams.get(target)
        return stream.failure if stream else None
