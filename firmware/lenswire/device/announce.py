"""Tells the network that this device is here: `_lenswire._tcp`, by multicast DNS.

Everybody on the network then knows its name, its port and its certificate's fingerprint; without the key they open
nothing. Where avahi runs it is the one to say so, as its service file has it: two of a kind on one machine disturb each
other. Elsewhere it is done from here. Nothing depends on it, and a failure is a line in the log.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lenswire.device.config import Config
from lenswire.device.server import is_loopback
from lenswire.link import as_text
from lenswire.messages import VERSIONS, clip

if TYPE_CHECKING:
    from zeroconf import Zeroconf

log = logging.getLogger(__name__)

SERVICE = "_lenswire._tcp"
AVAHI = Path("/run/avahi-daemon/socket")
AVAHI_SERVICE = Path("/etc/avahi/services/lenswire.service")
MAX_LABEL = 63  # bytes of a name in DNS
CALM = 1.0  # seconds: the first picture goes first
LOOK = 5.0  # seconds between looks at this machine's addresses: the network may come long after us, or change
PARTING = 1.0  # seconds for a last word

_AVAHI_SERVICE = """\
<?xml version="1.0" standalone="no"?>
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group>
  <name>{name}</name>
  <service>
    <type>{service}</type>
    <port>{port}</port>
{texts}
  </service>
</service-group>
"""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is told. host: where the device listens; empty for every address. open: no key is needed."""

    name: str
    host: str
    port: int
    fingerprint: bytes
    open: bool

    @property
    def texts(self) -> dict[str, str]:
        """What stands in TXT, beside name and port. PROTOCOL.md says what it means."""
        return {
            "fingerprint": as_text(self.fingerprint),
            "protocol": str(VERSIONS[1]),
            "tls": "0" if self.open else "1",
        }

    @property
    def avahi_service(self) -> str:
        """The same for avahi: a file of its services."""
        from xml.sax.saxutils import escape  # brings urllib and http, 1.4 MB: not for a device that streams

        texts = (f"    <txt-record>{key}={value}</txt-record>" for key, value in self.texts.items())
        return _AVAHI_SERVICE.format(name=escape(self.label), service=SERVICE, port=self.port, texts="\n".join(texts))

    @property
    def label(self) -> str:
        """The name, as long as DNS lets it be."""
        return clip(self.name, MAX_LABEL).decode()


def announcement(config: Config, fingerprint: bytes) -> Announcement:
    """What there is to tell of a device with these settings."""
    return Announcement(config.name, *config.server.address, fingerprint, config.server.open)


def own_addresses(host: str) -> list[str]:
    """Where others reach what listens on `host`, as getaddrinfo understands it; empty for every address."""
    import ifaddr

    infos = socket.getaddrinfo(host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound = [ipaddress.ip_address(info[4][0]) for info in infos]
    ours = {
        ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
        for one in ifaddr.get_adapters()
        for ip in one.ips
    }
    return sorted(
        str(ip)
        for ip in ours
        if not ip.is_loopback and not (ip.version == 6 and ip.is_link_local)
        if any(ip == one or (one.is_unspecified and one.version == ip.version) for one in bound)
    )


class Announcer:
    """Announces while it runs, in a thread of its own. Where there is nothing to announce it does nothing."""

    def __init__(
        self,
        config: Config,
        fingerprint: bytes,
        *,
        avahi: Path = AVAHI,
        calm: float = CALM,
        look: float = LOOK,
        where: Callable[[str], list[str]] = own_addresses,
    ) -> None:
        self._announcement = announcement(config, fingerprint)
        self._wanted = config.server.announce and not is_loopback(self._announcement.host)
        self._avahi, self._calm, self._look, self._where = avahi, calm, look, where
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)
        self._said: list[str] = []  # the addresses
        self._speaker: Zeroconf | None = None
        self._trouble = ""

    def start(self) -> None:
        """Begin; the log says who announces it."""
        if not self._wanted:
            return
        if not self._avahi.exists():
            self._thread.start()
        elif AVAHI_SERVICE.exists():
            log.info("= avahi announces it on the network, as %s says", AVAHI_SERVICE)
        else:
            log.info("= avahi would announce it: 'lenswire pair --avahi' prints what belongs into %s", AVAHI_SERVICE)

    def stop(self) -> None:
        """Take it back. A second call is no error."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(PARTING)

    def _run(self) -> None:
        if self._over.wait(self._calm):
            return
        try:
            from zeroconf import Error
        except ImportError:
            log.info(
                "= not announced on the network: avahi is not here, and zeroconf neither: pip install 'lenswire[web]'"
            )
            return
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)  # or everybody's broken packets are in our log
        while True:
            try:
                self._keep_up()
            except (OSError, RuntimeError, Error) as error:
                self._fall_silent()
                if self._trouble != (trouble := str(error) or type(error).__name__):
                    log.warning("! not announced on the network: %s", trouble)
                    self._trouble = trouble
            if self._over.wait(self._look):
                break
        self._fall_silent()

    def _keep_up(self) -> None:
        """Announce it at the addresses that this machine has now, and nowhere once avahi is here.

        Raises OSError, RuntimeError or zeroconf's Error.
        """
        told = self._announcement
        addresses = [] if self._avahi.exists() else self._where(told.host)
        if addresses == self._said:
            return
        from zeroconf import ServiceInfo, Zeroconf

        self._fall_silent()
        if addresses:
            info = ServiceInfo(
                f"{SERVICE}.local.",
                f"{told.label.replace('.', '-')}.{SERVICE}.local.",  # zeroconf takes a dot for the end of a label
                port=told.port,
                properties=told.texts,
                # A host name of its own: the machine's may be somebody else's to announce.
                server=f"lenswire-{told.fingerprint.hex()[:12]}.local.",
                parsed_addresses=addresses,
            )
            self._speaker = Zeroconf(interfaces=[*addresses])
            self._speaker.register_service(info, allow_name_change=True)
            log.info("= announced on the network: %s at %s", info.get_name(), ", ".join(addresses))
        else:
            log.info("= no longer announced from here")
        self._said, self._trouble = addresses, ""

    def _fall_silent(self) -> None:
        from zeroconf import Error

        self._said = []
        if self._speaker:
            with contextlib.suppress(Error):  # the network is gone
                self._speaker.close()
            self._speaker = None
