"""What is spoken with a device: our protocol, or the article's dialect made to look like it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeAlias

from lenswire.ends import ViewerConnection
from lenswire.errors import ConnectError
from lenswire.legacy import LAYOUTS, LegacyViewer
from lenswire.link import Target
from lenswire.messages import MAX_NAME, NONCE, Command, Hello, Message, Result, Watch, Welcome, clip


class Talk(Protocol):
    """One connection without its socket: what a viewer needs of `ends.ViewerConnection`."""

    peer: Hello | None
    may_command: bool

    def receive_data(self, data: memoryview, now: int) -> object: ...
    def events(self) -> list[Message]: ...
    def data_to_send(self) -> bytes: ...
    def send(self, message: Message) -> None: ...
    def grant(self, window: int) -> None: ...
    def close(self) -> None: ...


Dialect: TypeAlias = Callable[[Watch], Talk]  # begins a connection


def dialects(target: Target) -> list[Dialect]:
    """How a device may be spoken to, to be tried in turn."""
    if not target.legacy:
        return [partial(_native, target)]
    # A server that reads 8 bytes finds no size in the 12, and hangs up; one that reads 12 would wait for ever for the
    # rest of 8. So the long layout first.
    return [partial(LegacyTalk, layout=layout) for layout in sorted(LAYOUTS, reverse=True)]


def _native(target: Target, watch: Watch) -> ViewerConnection:
    name = clip(socket.gethostname(), MAX_NAME).decode()
    key, fingerprint = target.key or None, target.fingerprint
    return ViewerConnection(name, os.urandom(NONCE), key=key, fingerprint=fingerprint)


class LegacyTalk(LegacyViewer):
    """The first picture stands for WELCOME; credit and pings are left unsaid."""

    peer: Hello | None = None
    may_command = False

    def __init__(self, watch: Watch, layout: int) -> None:
        super().__init__(watch, layout)
        self._asked = watch
        self._welcomed = False
        self._answers: list[Message] = []

    def events(self) -> list[Message]:
        heard: list[Message] = [*self._answers, *super().events()]
        self._answers.clear()
        if heard and not self._welcomed and self.frames_received:
            self._welcomed = True
            heard.insert(0, Welcome(may_command=False))
        return heard

    def send(self, message: Message) -> None:
        """A Command is answered here. Raises ConnectError at another Watch: the server takes one request only."""
        if isinstance(message, Command):
            self._answers.append(Result(message.number, False, "a server of the article takes no commands"))
        elif isinstance(message, Watch) and message != self._asked:
            raise ConnectError("connecting anew to ask for another picture")

    def grant(self, window: int) -> None:
        """The server sends as fast as it can."""
