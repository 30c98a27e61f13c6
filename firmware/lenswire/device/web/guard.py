"""Who may ask for what over HTTP. Pure: headers in, a refusal or nothing out."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

# Names that no stranger can register: whoever answers to one is on this network. Everything else could be a name of
# somebody else's that points here, so that a page of theirs would be let in (DNS rebinding).
OURS = ".local", ".lan", ".home.arpa", ".internal", ".fritz.box"


class Refusal(NamedTuple):
    """What is answered. `wrong_key`: somebody tried one."""

    status: int
    words: str = ""
    wrong_key: bool = False


@dataclass(frozen=True, slots=True)
class Guard:
    """key: 32 bytes. local: it listens on loopback only. Neither key_needed nor local: it is open to the network."""

    key: bytes = field(repr=False)
    key_needed: bool
    local: bool

    @property
    def embeddable(self) -> bool:
        """Pages of other sites may show its pictures."""
        return not self.key_needed and not self.local

    def refusal(self, method: str, headers: Mapping[str, str], secure: bool) -> Refusal | None:
        """Why a request goes no further; None if it does."""
        if self.key_needed:
            if not secure:
                return Refusal(308 if "Host" in headers else 400)
            if not self.knows_key(headers.get("Authorization", "")):
                return Refusal(401, wrong_key="Authorization" in headers)
        elif not self._is_our_name(host := headers.get("Host", "")):
            return Refusal(403, f"{host[:100]!r} is no name that this camera is asked for by; use its address")
        if method not in ("GET", "HEAD"):
            return self._own_page(headers, secure)
        foreign = headers.get("Sec-Fetch-Site") == "cross-site" and headers.get("Sec-Fetch-Mode") != "navigate"
        return Refusal(403, "a page of another site asked for this") if foreign and not self.embeddable else None

    def knows_key(self, authorization: str) -> bool:
        """Bearer KEY, or Basic with any user and the password KEY, written as in the pairing link or as in its file."""
        scheme, _, told = authorization.partition(" ")
        given = told.strip()
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).decode("ascii").partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return False
        elif scheme.lower() != "bearer":
            return False
        written = base64.urlsafe_b64encode(self.key).rstrip(b"="), self.key.hex().encode()
        link, file = (hmac.compare_digest(given.encode("utf-8", "replace"), key) for key in written)
        return link or file

    # Inside

    def _own_page(self, headers: Mapping[str, str], secure: bool) -> Refusal | None:
        """Commands come from our own page, or from a program, which says nothing of a page."""
        refusal = Refusal(403, "commands are taken from the camera's own page, not from another site's")
        if headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            return refusal
        own = f"{'https' if secure else 'http'}://{headers.get('Host', '')}"
        return refusal if headers.get("Origin", own).lower() != own.lower() else None

    def _is_our_name(self, host: str) -> bool:
        if not host:
            return True  # no browser
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        address = _address(name)
        if self.local:
            return address.is_loopback if address else name == "localhost" or name.endswith(".localhost")
        return bool(address) or "." not in name or name.endswith(OURS) or name == socket.gethostname().lower()


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
