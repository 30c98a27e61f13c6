"""Where a device is and how it is known: targets, lenswire:// links, and the address book of cameras.

A target is one of

    porch                                       a name from the address book
    host, host:port, [IPv6]:port                no key: for loopback, or a device that serves --open
    lenswire://KEY@host:port/FINGERPRINT        what `lenswire pair` prints on the device
    legacy://host:port                          a server that is the seed article's own code

KEY (256 bits, secret) and FINGERPRINT (SHA-256 of the device's certificate) are base64url without padding, 43
characters each: nothing in a link needs quoting in a shell, and the secret stands where programs that show links
know to hide it. Without KEY@ a link means TLS alone.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from lenswire.errors import LinkError

PORT = 8880
SECRET = 32  # bytes of a key, and of a fingerprint
_CHARACTERS = 43  # 32 bytes in base64url, without padding
EXPECTED = "expected a camera's name, host[:port], lenswire://KEY@host:port/FINGERPRINT or legacy://host:port"

_HOST = re.compile(r"[^\x00-\x20/@#?\[\]\\]+")
# No dot and no colon: a name must not look like an address.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
# What may be a key, wherever it stands in a text that we cannot read.
_SECRET = re.compile(r"[^/@\s]+(?=@)|[A-Za-z0-9_=+-]{32,}")


@dataclass(frozen=True, slots=True)
class Target:
    """A device: where it is, and what it must show (fingerprint) and be shown (key). TLS if there is a fingerprint."""

    host: str
    port: int = PORT
    fingerprint: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    legacy: bool = False
    name: str = ""  # in the address book

    def __post_init__(self) -> None:
        if not _HOST.fullmatch(self.host):
            raise LinkError(f"host: expected a name or an address, got {_without_secrets(self.host)!r}")
        if not 1 <= self.port <= 65535:
            raise LinkError(f"port: expected 1 to 65535, got {self.port}")
        for what, value in (("key", self.key), ("fingerprint", self.fingerprint)):
            if len(value) not in (0, SECRET):
                raise LinkError(f"{what}: expected {SECRET} bytes, got {len(value)}")
        if self.key and not self.fingerprint:
            raise LinkError("a link with a key needs the fingerprint too: the key is only ever shown to that device")

    @property
    def address(self) -> str:
        """host:port, as it is typed."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def label(self) -> str:
        """What to call the device when speaking to a person."""
        return self.name or self.address

    @property
    def link(self) -> str:
        """What parse_target reads as this; with a key, whoever has it can watch and command the device."""
        if self.legacy:
            return f"legacy://{self.address}"
        if not self.fingerprint:
            return self.address
        key = f"{as_text(self.key)}@" if self.key else ""
        return f"lenswire://{key}{self.address}/{as_text(self.fingerprint)}"


def parse_target(text: str, book: AddressBook | None = None) -> Target:
    """What a person typed -> Target. Raises LinkError, which never shows a key."""
    given = text.strip()
    if "://" in given:
        return _parse_link(given)
    if book is not None and _NAME.fullmatch(given) and (known := book.get(given)):
        return known
    split, port = _split(f"//{given}", given)
    if split.netloc != given or "@" in given:  # something stands around the host and port
        raise _unreadable(given)
    return Target(split.hostname or "", port)


def as_text(raw: bytes) -> str:
    """A key or a fingerprint as links write it: base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_text(what: str, text: str) -> bytes:
    """What as_text wrote: 32 bytes. Raises LinkError, with `what` in it, and never the text itself."""
    if len(text) != _CHARACTERS:
        raise LinkError(f"{what} of a link: expected {_CHARACTERS} characters, got {len(text)}; copy the whole link")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise LinkError(f"{what} of a link: expected letters, digits, - and _; copy the link again") from None


class AddressBook:
    """The cameras that this user has paired with: a JSON file of names and links, for its owner's eyes only (0600)."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or _config_home() / "lenswire" / "cameras.json"

    def get(self, name: str) -> Target | None:
        """The camera of that name, or None. Raises LinkError if the file is damaged."""
        link = self._read().get(name)
        return self._target(name, link) if link is not None else None

    def __iter__(self) -> Iterator[Target]:
        """Every camera, by name. Raises LinkError if the file is damaged."""
        return iter([self._target(name, link) for name, link in sorted(self._read().items())])

    def add(self, name: str, target: Target) -> None:
        """Remember a camera, in the place of one of the same name. Raises LinkError."""
        if not _NAME.fullmatch(name):
            raise LinkError(
                "name of a camera: expected 1 to 63 letters, digits, - or _, beginning with a letter or digit, "
                f"got {_without_secrets(name)!r}"
            )
        self._write(self._read() | {name: target.link})

    def remove(self, name: str) -> None:
        """Forget a camera. Raises LinkError if there is none of that name."""
        links = self._read()
        if links.pop(name, None) is None:
            known = ", ".join(sorted(links)) or "it is empty"
            raise LinkError(f"no camera named {_without_secrets(name)!r} is in the address book ({known})")
        self._write(links)

    def _target(self, name: str, link: str) -> Target:
        try:
            return replace(parse_target(link), name=name)
        except LinkError as error:
            raise LinkError(f"{self.path}: camera {name!r}: {error}") from None

    def _read(self) -> dict[str, str]:
        try:
            links = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise LinkError(f"address book {self.path}: cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise self._damaged(str(error) if isinstance(error, json.JSONDecodeError) else "it is not text") from None
        if not isinstance(links, dict) or not all(isinstance(link, str) for link in links.values()):
            raise self._damaged("expected names and links")
        return links

    def _write(self, links: dict[str, str]) -> None:
        """All or nothing: a crash, or a full disk, leaves the old file."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".cameras-")  # mkstemp makes it 0600
            try:
                with os.fdopen(handle, "w") as file:
                    json.dump(links, file, indent=1, sort_keys=True)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).replace(self.path)
            finally:
                Path(temporary).unlink(missing_ok=True)
        except OSError as error:
            raise LinkError(f"address book {self.path}: cannot be written: {error.strerror}") from None

    def _damaged(self, why: str) -> LinkError:
        return LinkError(f"address book {self.path} is damaged: {why}; mend it, or move it away and pair again")


def _config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _parse_link(link: str) -> Target:
    split, port = _split(link, link)
    host, key, fingerprint = split.hostname or "", split.username, split.path.strip("/")
    if split.query or split.fragment or split.password is not None:
        raise _unreadable(link)
    if split.scheme == "legacy" and key is None and not fingerprint:
        return Target(host, port, legacy=True)
    if split.scheme != "lenswire":
        raise _unreadable(link)
    return Target(host, port, from_text("fingerprint", fingerprint), b"" if key is None else from_text("key", key))


def _split(url: str, given: str) -> tuple[SplitResult, int]:
    """The parts of a URL, and its port. Raises LinkError if it has no host, or no port after a colon."""
    try:
        split = urlsplit(url)
        port = PORT if split.port is None else split.port
    except ValueError:  # its own words may hold the key
        raise _unreadable(given) from None
    if not _HOST.fullmatch(split.hostname or "") or split.netloc.endswith(":"):
        raise _unreadable(given)
    return split, port


def _without_secrets(text: str) -> str:
    return _SECRET.sub("...", text)


def _unreadable(given: str) -> LinkError:
    return LinkError(f"cannot read {_without_secrets(given)!r} as a target: {EXPECTED}")
