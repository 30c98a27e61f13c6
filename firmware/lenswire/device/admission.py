"""Who may watch, over which protocol, and what the log says first of it."""

from __future__ import annotations

from lenswire import __version__
from lenswire.device.config import Config, ServerConfig
from lenswire.device.identity import Identity
from lenswire.device.server import Access, is_loopback
from lenswire.errors import ConfigError


def key_needed(server: ServerConfig, host: str) -> bool:
    """Who may watch: on loopback everybody on this machine; elsewhere who has the key, unless `open` says otherwise."""
    return not (is_loopback(host) or server.open)


def check(server: ServerConfig) -> None:
    """Raises ConfigError where one setting forbids another."""
    if server.legacy and key_needed(server, server.address[0]):
        raise ConfigError(
            f"server.legacy: the article's clients know no key, so on {server.listen} it needs server.open (--open) too"
        )


def access(config: Config, identity: Identity) -> Access:
    """Who may watch, and how many. Raises ConfigError."""
    server = config.server
    check(server)
    return Access(
        identity.tls(),
        identity.fingerprint,
        identity.key,
        key_needed=key_needed(server, server.address[0]),
        legacy=server.legacy,
        max_viewers=server.max_viewers,
    )


def greeting(config: Config, addresses: list[str], web: list[str]) -> list[str]:
    """What the log says first: where it listens, and who may watch."""
    lines = [f"= lenswire {__version__}: {config.name} listens on {', '.join(addresses)}"]
    if is_loopback(config.server.address[0]):
        lines.append(f"= this machine only, no key needed: lenswire view {addresses[0]}")
    elif config.server.open:
        lines.append(
            "! OPEN: whoever reaches this port can watch and command the camera, with no key and no encryption"
        )
    else:
        lines.append("= TLS and this device's key are needed: 'lenswire pair' prints the link for your laptop")
    if config.server.legacy:
        lines.append("! LEGACY: the article's clients are served too, with no key and no encryption")
    if web:
        keyed = key_needed(config.server, config.server.http_address[0])
        kind, who = ("HTTPS", "with the key as the password") if keyed else ("HTTP", "no key needed")
        lines.append(f"= {kind} for browsers and other programs on {', '.join(web)}: {who}")
    return lines
