"""The device's HTTP face, for browsers and other programs: off unless it is configured, and loaded only then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lenswire.errors import MissingDependency
from lenswire.messages import Verb

if TYPE_CHECKING:
    from lenswire.device.server import Server
    from lenswire.device.web.server import WebServer


class Counters(NamedTuple):
    """What has happened since the service began; newest: when the camera's newest frame was captured, ns; 0: never."""

    made: int = 0
    lost: int = 0
    snapshots: int = 0
    newest: int = 0


@dataclass(frozen=True, slots=True)
class Device:
    """What the composition root lets the HTTP face do. `by` says who it was, for the log and for other viewers."""

    order: Callable[[str, Verb], str]  # (by, verb) -> the state that it led to
    keep: Callable[[str], Awaitable[tuple[bool, str]]]  # (by) -> whether a snapshot was kept, and its path or why not
    counters: Callable[[], Counters]


def open_web(server: Server, device: Device, *, key_needed: bool, local: bool) -> WebServer:
    """The HTTP face beside the protocol's server, with its key, certificate and viewers. local: it is on loopback.

    Raises MissingDependency.
    """
    try:
        from lenswire.device.web.server import WebServer
    except ImportError as error:
        if error.name is None or error.name.startswith("lenswire"):
            raise
        raise MissingDependency(
            f"HTTP takes aiohttp and prometheus-client, and {error.name} is missing: pip install 'lenswire[web]'"
        ) from None
    return WebServer(server, device, key_needed=key_needed, local=local)
