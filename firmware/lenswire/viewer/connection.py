"""A device being watched: a thread that connects, receives, and comes back by itself after whatever happened."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from lenswire.errors import ConnectError, ProtocolError, Refused
from lenswire.link import Target
from lenswire.messages import Close, CloseCode, Frame, Message, Pong, Result, Status, Verb, Watch
from lenswire.viewer.channel import Channel
from lenswire.viewer.dialect import Dialect, Talk, dialects
from lenswire.viewer.orders import Orders
from lenswire.viewer.reception import Received, Reception, Statistics
from lenswire.viewer.waiting import Stopped, Waiting
from lenswire.viewer.whereabouts import Whereabouts

__all__ = ["Limits", "Received", "Statistics", "Stream"]

# Trying again at once would not help: something must change first, here or there.
FINAL = {CloseCode.VERSION, CloseCode.KEY, CloseCode.KEY_NEEDED, CloseCode.FORBIDDEN}
# For the thread to end in stop(): it is woken, and only the look-up of a host's name can hold it up.
JOIN_LIMIT = 2.0
NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds.

    connect: a lost SYN is sent again after 1 s, so that a device that returns meanwhile is reached about as soon.
    silence: without a word from the device, which answers a ping every second.
    retries: pauses after the first, second, ... failure in a row; the last one goes on. We are back within 2 s.
    refused: pause after a refusal that will not change by itself.
    search: on the network, when a paired device is not where it was; 0: it is not looked for.
    """

    connect: float = 2.0
    silence: float = 5.0
    retries: tuple[float, ...] = (0.1, 0.2, 0.5)
    refused: float = 10.0
    search: float = 1.5


class Stream:
    """Watches `target`; on_frame is called with every frame, from the stream's thread.

    watch None: connects, and looks at the device's status only. reconnect: goes on after failures, for ever. The
    attributes may be read from any thread. on_result and on_change are set before the start, are called from the
    thread (on_result also from within command()), and return soon.
    """

    def __init__(
        self,
        target: Target,
        watch: Watch | None,
        on_frame: Callable[[Received], None],
        *,
        reconnect: bool = True,
        limits: Limits | None = None,
    ) -> None:
        self.target, self.tls = target, bool(target.fingerprint)
        self.connected = False
        self.problem = ""  # why there is no connection; "" while there is one, or the first is being tried
        self.failure: Exception | None = None  # why there will be none before something changes; None: there may be
        self.status: Status | None = None  # the newest
        self.device_name = ""
        self.may_command = False
        self.statistics = Statistics()
        self.on_result: Callable[[Result], None] = lambda result: None
        self.on_change: Callable[[], None] = lambda: None  # connected, problem, status or device_name
        self._watch, self._on_frame, self._reconnect = watch, on_frame, reconnect
        self._limits = limits or Limits()
        self._waiting = Waiting()
        self._whereabouts = Whereabouts(target, self._limits.search)
        self._dialects = deque(dialects(target))
        self._orders = Orders(lambda result: self.on_result(result))
        self._tried = threading.Event()  # the first attempt is over
        self._first_failure: Exception | None = None
        self._was_connected = False
        self._thread = threading.Thread(target=self._run, name=f"stream of {target.label}", daemon=True)

    # Life

    def start(self) -> None:
        """Begin; connecting is tried in the background."""
        self._thread.start()

    def open(self) -> Self:
        """Begin, and wait for the connection. Raises ConnectError or ProtocolError if the first attempt fails."""
        self.start()
        self._tried.wait()
        if self._first_failure:
            self.stop()
            raise self._first_failure
        return self

    def stop(self) -> None:
        """End, whatever is going on. A second call is no error."""
        self._waiting.stop()
        if self._thread.ident is None:
            self._waiting.close()  # it was never started
        elif self._thread is not threading.current_thread():
            self._thread.join(JOIN_LIMIT)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Wishes

    def watch(self, watch: Watch) -> None:
        """Watch something else, from now on."""
        self._watch = watch
        self._waiting.wake()

    def command(self, verb: Verb) -> int:
        """Ask the device to do something. on_result is called with what became of it, under the number returned."""
        number = self._orders.give(verb)
        self._waiting.wake()
        return number

    # The thread

    def _run(self) -> None:
        try:
            self._stay_connected()
        except Stopped:
            self.connected = False
            self._end(ConnectError("stopped before there was a connection"))
        except Exception as error:
            self._disconnected(error, final=True)
            raise
        finally:
            self._whereabouts.close()
            self._waiting.close()

    def _stay_connected(self) -> None:
        failures = 0
        while True:
            try:
                self._converse(self._dialects[0])
            except (ConnectError, ProtocolError) as error:
                failures = 1 if self.connected else failures + 1
                if not self.connected:
                    self._dialects.rotate()  # perhaps it speaks the other
                if self.connected or failures >= len(self._dialects):
                    self._disconnected(error, final=isinstance(error, Refused) and error.code in FINAL)
                    if not self._reconnect:
                        return
                self._pause(failures)

    def _converse(self, dialect: Dialect) -> None:
        """One connection, to its end: an exception."""
        sock = self._whereabouts.dial(self._waiting, self._limits.connect, self._limits.silence)
        talk = dialect(self._watch or Watch())
        channel = Channel(sock, talk, self._waiting, self.target.label, self._limits.silence)
        try:
            messages = self._receive(channel, NEVER)  # WELCOME, or nothing yet
            while not messages:
                messages = self._receive(channel, NEVER)
            reception = Reception(talk, self._watch, self.statistics, channel.heard)
            self._connected(talk)
            while True:
                for message in messages:
                    self._take(message, channel, reception)
                reception.watch(self._watch)
                for command in self._orders.take():
                    talk.send(command)
                messages = self._receive(channel, reception.tick(time.monotonic_ns()))
        finally:
            channel.close()

    def _receive(self, channel: Channel, until: int) -> list[Message]:
        """Send what there is to say, and wait for what the device says. Raises Refused when that is CLOSE."""
        channel.flush()
        messages = channel.receive(until)
        closing = messages[-1] if messages else None
        if isinstance(closing, Close):  # nobody hears an answer to what came before it
            raise Refused(f"{self.target.label}: {closing.reason or 'it ended the connection'}", closing.code)
        return messages

    def _take(self, message: Message, channel: Channel, reception: Reception) -> None:
        match message:
            case Frame():
                received = reception.frame(message, channel.heard)
                channel.flush()  # the credit must not wait for what is done with the frame
                self._on_frame(received)
            case Pong():
                reception.pong(message, channel.heard)
            case Status():
                self.status = message
                self.on_change()
            case Result():
                self._orders.answered(message)

    def _connected(self, talk: Talk) -> None:
        self.statistics.reconnects += self._was_connected
        self._was_connected = True
        self.device_name = talk.peer.name if talk.peer else ""
        self.may_command = talk.may_command
        self.problem, self.failure, self.connected = "", None, True
        self._orders.connected()
        self._tried.set()
        self.on_change()

    def _disconnected(self, error: Exception, final: bool) -> None:
        again = f" (trying again every {self._limits.refused:g} s)" if final and self._reconnect else ""
        self.connected, self.problem = False, f"{error}{again}"
        self.failure = error if final or not self._reconnect else None
        self._end(error)
        self.on_change()

    def _end(self, error: Exception) -> None:
        """Of an attempt, or of a connection: nobody waits for it any longer."""
        if not self._tried.is_set():
            self._first_failure = error
            self._tried.set()
        self._orders.lost(str(error))

    def _pause(self, failures: int) -> None:
        retries = self._limits.retries
        seconds = self._limits.refused if self.failure else retries[min(failures, len(retries)) - 1]
        until = time.monotonic_ns() + int(seconds * 1e9)
        while time.monotonic_ns() < until:
            self._waiting.wait(until)
