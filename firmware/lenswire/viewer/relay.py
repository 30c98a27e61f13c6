"""The command `relay`: cameras -> an RTSP server that hands them on, each watched once and its JPEGs untouched."""

from __future__ import annotations

import secrets
import signal
import sys
import threading
import time
from collections.abc import Sequence

from lenswire.errors import ConnectError, LinkError
from lenswire.latest import Latest
from lenswire.link import Target
from lenswire.messages import Watch
from lenswire.viewer.connection import Received, Stream
from lenswire.viewer.rtp_jpeg import CLOCK, Unsuitable, parse
from lenswire.viewer.rtsp import Destination, Publisher, parse_destination

# Without a picture for so long, the path is given up: whoever watches it is told so by the media server, instead of
# looking at a picture that stands. It is back with the next picture.
SILENCE = 5.0  # seconds
PAUSES = (1.0, 2.0, 5.0, 10.0)  # seconds after the first, second, ... failure in a row; the last one goes on
SECOND = 1_000_000_000  # ns
GRACE = 2.0  # seconds for all servers to take a picture that is begun, and to say good-bye
JOIN_LIMIT = 1.0


def run(targets: Sequence[Target], to: str, size: tuple[int, int] | None = None, fps: float = 0.0) -> int:
    """Relay until Ctrl-C or SIGTERM. Raises LenswireError if what it was told cannot be right."""
    url = sys.stdin.readline() if to == "-" else to
    relays = [Relay(target, at, Watch(*(size or (0, 0)), fps)) for target, at in destinations(targets, url)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for relay in relays:
            relay.start()
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        end = time.monotonic() + GRACE
        for relay in relays:
            relay.end()
        for relay in relays:
            relay.join(max(end - time.monotonic(), 0.0))
    return 0


def destinations(targets: Sequence[Target], url: str) -> list[tuple[Target, Destination]]:
    """Each camera and where it goes. Raises LinkError if two would be at the same place."""
    named = len(targets) > 1 or parse_destination(url).path.endswith("/")
    base = url.strip() if not named or url.strip().endswith("/") else f"{url.strip()}/"
    found: dict[Destination, Target] = {}
    for target in targets:
        at = parse_destination(base, (target.name or target.host) if named else "")
        if at in found:
            raise LinkError(f"{found[at].label} and {target.label} would both be {at.url}: give them other names")
        found[at] = target
    return [(target, at) for at, target in found.items()]


class Relay:
    """One camera on its way: a thread that receives, one that publishes, and the newest picture between them."""

    def __init__(self, target: Target, destination: Destination, watch: Watch) -> None:
        self._target, self._to = target, destination
        self._latest: Latest[Received] = Latest()
        self._stream = Stream(target, watch, self._latest.put)
        self._stream.on_change = self._changed
        self._told = self._connection = ""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"relay of {target.label}", daemon=True)
        self._publisher: Publisher | None = None
        self.sent = 0

    def start(self) -> None:
        self._stream.start()
        self._thread.start()

    def end(self) -> None:
        """Begin to end."""
        self._ending.set()
        self._latest.close()

    def join(self, grace: float) -> None:
        """End, after end(): in good order if that takes no longer than `grace` seconds."""
        self._stream.stop()
        self._thread.join(grace)
        if self._thread.is_alive() and self._publisher:
            self._publisher.abort()
            self._thread.join(JOIN_LIMIT)
        self._say(f"{self.sent} pictures relayed")

    # The stream's thread

    def _changed(self) -> None:
        stream = self._stream
        trouble = str(stream.failure) if stream.failure else stream.problem
        if trouble != self._connection:
            self._connection = trouble
            self._say(f"{trouble} (trying again)" if trouble else "connected again")

    # The publishing thread

    def _run(self) -> None:
        failures = 0
        while not self._ending.is_set():
            if not (first := self._next(None)):
                continue
            before = self.sent
            try:
                self._publish(first)
            except ConnectError as error:
                self._trouble(f"{error} (trying again)")
            except Unsuitable as error:
                self._trouble(f"the picture {error}: RTP cannot carry it; with --size the device makes smaller ones")
            except Exception as error:
                self._say(f"the relay failed: {error!r}")
                raise
            else:
                failures = 0
                continue
            failures = 1 if self.sent > before else failures + 1
            self._ending.wait(PAUSES[min(failures, len(PAUSES)) - 1])

    def _publish(self, first: Received) -> None:
        """Until no picture comes any more. Raises ConnectError and Unsuitable."""
        picture = parse(bytes(first.frame.jpeg))
        timeline = Timeline()
        with Publisher(self._to, self._target.label) as publisher:
            self._publisher = publisher
            publisher.open()
            self._told = ""
            self._say(f"published as {self._to.url}, {picture.width}x{picture.height}")
            received: Received | None = self._next(0) or first  # that took a while
            while received:
                timestamp = timeline.timestamp(received)
                if timestamp is not None:
                    wall = time.time() - received.age(time.monotonic_ns())
                    publisher.send(parse(bytes(received.frame.jpeg)), timestamp, wall)
                    self.sent += 1
                publisher.wait_for_room()
                received = self._next(SILENCE)
            if not self._ending.is_set():
                self._trouble(
                    f"no picture for {SILENCE:.0f} s{self._why()}; {self._to.url} is given up until one comes"
                )

    def _next(self, limit: float | None) -> Received | None:
        """The newest picture, once there is one that is fit to be shown."""
        while received := self._latest.take(limit):
            if received.age(time.monotonic_ns()) < SILENCE and not self._ending.is_set():
                return received
        return None

    def _why(self) -> str:
        status = self._stream.status
        if not self._stream.connected or status is None or status.state == "STREAMING":
            return ""
        return f" (the camera is {status.state}{status.reason and f': {status.reason}'})"

    def _trouble(self, words: str) -> None:
        """Say it once, not at every try."""
        if words != self._told:
            self._told = words
            self._say(words)

    def _say(self, words: str) -> None:
        sys.stderr.write(f"{self._target.label}: {words}\n")


class Timeline:
    """Times of capture as RTP has them: always later than the one before, also when the device starts anew."""

    def __init__(self) -> None:
        self._first = self._begin = 0  # a time of capture (ns), and the timestamp that it has
        self._last: Received | None = None
        self._timestamp = 0

    def timestamp(self, received: Received) -> int | None:
        """Of a picture; None if it is not later than the one before."""
        last, captured = self._last, received.frame.captured
        if last is None:
            self._first, self._begin = captured, secrets.randbits(31)
        elif not received.same_clock(last):
            passed = max(received.captured - last.captured, 0)
            self._first, self._begin = captured, self._timestamp + passed * CLOCK // SECOND + 1
        timestamp = self._begin + (captured - self._first) * CLOCK // SECOND
        if last is not None and timestamp <= self._timestamp:
            return None
        self._last, self._timestamp = received, timestamp
        return timestamp
