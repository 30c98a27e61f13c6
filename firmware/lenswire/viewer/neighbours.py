"""Devices that the network tells of, by multicast DNS: `_lenswire._tcp`.

Anybody on the network can say anything here. So what comes is bounded and printable, and nothing of it is believed: a
device proves by its certificate that it is the one that it says, when it is connected to.
"""

from __future__ import annotations

import contextlib
import ipaddress
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lenswire.errors import ConnectError, LinkError, MissingDependency
from lenswire.link import from_text
from lenswire.messages import printable

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, ServiceStateChange, Zeroconf

SERVICE = "_lenswire._tcp.local."
# More than any house has, and few enough to be looked through at once: a stranger may announce as many as he likes.
MOST = 64
MOST_ADDRESSES = 4
ASK = 500  # ms, for what an announcement should have told along with its name, but did not
ASKERS = 8  # at once


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What one announcement says. fingerprint: 32 bytes, or b"". open: it wants no key and no TLS."""

    name: str
    host: str  # "porch.local"
    addresses: tuple[str, ...]  # at least one
    port: int
    fingerprint: bytes
    open: bool


class Neighbours:
    """Listens while it is open; `changed` is called from its thread whenever `found` has changed, and returns soon."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._changed = changed
        self._found: dict[str, Neighbour] = {}
        self._lock = threading.Lock()
        self._askers = threading.Semaphore(ASKERS)
        self._zeroconf: Zeroconf | None = None

    @property
    def found(self) -> list[Neighbour]:
        """So far, by name."""
        with self._lock:
            return sorted(self._found.values(), key=lambda one: (one.name, one.addresses))

    def open(self) -> Self:
        """Begin to listen. Raises MissingDependency; ConnectError when there is no network."""
        try:
            from zeroconf import IPVersion, ServiceBrowser, Zeroconf
        except ImportError:
            raise MissingDependency(
                "to look for cameras on the network takes zeroconf: pip install 'lenswire[viewer]'"
            ) from None
        try:
            self._zeroconf = Zeroconf(ip_version=IPVersion.All)
        except (OSError, RuntimeError) as error:  # RuntimeError: no interface at all
            raise ConnectError(f"cannot look for cameras on the network: {error}") from None
        ServiceBrowser(self._zeroconf, SERVICE, handlers=[self._heard])
        return self

    def close(self) -> None:
        """Listen no longer. A second call is no error."""
        if self._zeroconf:
            self._zeroconf.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _heard(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        """In the browser's own thread, which must not wait: others would not be heard meanwhile."""
        from zeroconf import Error, ServiceInfo

        with contextlib.suppress(Error):  # a name that is none
            info = ServiceInfo(service_type, name)
            if state_change.name == "Removed":
                self._keep(name, None)
            elif info.load_from_cache(zeroconf):  # as a rule everything comes with the name
                self._keep(name, read(info))
            elif self._askers.acquire(blocking=False):
                threading.Thread(target=self._ask, args=(zeroconf, info), daemon=True).start()

    def _ask(self, zeroconf: Zeroconf, info: ServiceInfo) -> None:
        from zeroconf import Error

        try:
            with contextlib.suppress(Error):  # we are closing
                if info.request(zeroconf, ASK):
                    self._keep(info.name, read(info))
        finally:
            self._askers.release()

    def _keep(self, name: str, neighbour: Neighbour | None) -> None:
        with self._lock:
            if neighbour and (name in self._found or len(self._found) < MOST):
                self._found[name] = neighbour
            elif not self._found.pop(name, None):
                return
        self._changed()


def read(info: ServiceInfo) -> Neighbour | None:
    """An announcement, as far as it makes sense; None if nothing can be done with it."""
    addresses = sorted(filter(_usable, info.parsed_scoped_addresses()), key=_worth)
    if not addresses or not info.port:
        return None
    told: dict[bytes, Any] = dict(info.properties)
    fingerprint = b""
    with contextlib.suppress(LinkError, UnicodeDecodeError):
        fingerprint = from_text("fingerprint", (told.get(b"fingerprint") or b"").decode())
    return Neighbour(
        name=printable(info.get_name()),
        host=printable((info.server or "").rstrip(".")),
        addresses=tuple(addresses[:MOST_ADDRESSES]),
        port=info.port,
        fingerprint=fingerprint,
        open=told.get(b"tls") == b"0",
    )


def _usable(address: str) -> bool:
    """Nobody else may send us to services of this very machine."""
    ip = ipaddress.ip_address(address)
    return not (ip.is_loopback or ip.is_multicast or ip.is_unspecified)


def _worth(address: str) -> tuple[bool, bool]:
    """What is most likely to lead there first."""
    ip = ipaddress.ip_address(address)
    return ip.is_link_local, ip.version == 6
