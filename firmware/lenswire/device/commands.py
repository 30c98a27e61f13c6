"""The commands that run on the device: serve, pair, check, doctor."""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
import os
import socket
import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lenswire.device.config import Config, load, parse
from lenswire.errors import ConfigError, IdentityError, LenswireError

# Of the service on an appliance, as deploy/ sets it up.
CONFIG, STATE = Path("/etc/lenswire/lenswire.toml"), Path("/var/lib/lenswire")


def serve(args: Namespace) -> int:
    """Run the service until it is told to stop."""
    from lenswire.device.bell import SharedLoop
    from lenswire.device.service import serve as run

    settings(args)  # what is wrong is said before anything begins
    _log_to_stderr()
    with asyncio.Runner(loop_factory=SharedLoop) as runner:
        runner.run(run(functools.partial(settings, args), state_directory(args.state_dir)))
    return 0


def pair(args: Namespace) -> int:
    """Print the link that lets a laptop watch and command this device, or what avahi may tell everybody of it."""
    from lenswire.device.identity import load_or_make
    from lenswire.link import Target

    config = load(path) if (path := _config_file(args)) else Config()
    directory = state_directory(args.state_dir or (STATE if STATE.exists() else None))
    try:
        identity = load_or_make(directory, config.name)
    except IdentityError as error:
        hint = "; what the service keeps is for itself and root: sudo lenswire pair" if directory == STATE else ""
        raise IdentityError(f"{error}{hint}") from None
    host = args.host or f"{socket.gethostname().split('.')[0]}.local"
    port = args.port or config.server.address[1]
    target = Target(host, port, fingerprint=identity.fingerprint, key=identity.key, name=config.name)
    if args.avahi:
        from lenswire.device.announce import announcement

        print(replace(announcement(config, identity.fingerprint), port=port).avahi_service, end="")
        return 0
    print(target.link)
    if sys.stderr.isatty():
        print("Whoever has this link can watch and command this camera. On the laptop:", file=sys.stderr)
        print(f"  lenswire cameras add 'LINK' --name {config.name}", file=sys.stderr)
        if config.server.http:
            page = f"https://{host}:{config.server.http_address[1]}/"
            print(f"Or in a browser: {page} (any user; the password is what stands before the @)", file=sys.stderr)
    return 0


def check(args: Namespace) -> int:
    """Read a config and say whether it is good, as far as that can be said without its hardware."""
    from lenswire.device import admission
    from lenswire.device.service import opener

    config = load(args.config)
    try:
        opener(config)
        admission.check(config.server)
    except LenswireError as error:
        raise ConfigError(f"{args.config}: {error}") from None
    size = config.camera.size or "camera's size"
    http = f", HTTP on {config.server.http}" if config.server.http else ""
    print(
        f"{args.config}: good. {config.name}: {config.camera.source}, {size}, listening on {config.server.listen}{http}"
    )
    return 0


def doctor(args: Namespace) -> int:
    """Print the page about this machine; exit status 1 if there is something to mend."""
    from lenswire.device.doctor import page
    from lenswire.device.doctor.camera import camera_facts
    from lenswire.device.doctor.machine import Machine, http_fact, panel_fact
    from lenswire.device.doctor.usb import usb_facts
    from lenswire.device.encoder import choose
    from lenswire.device.service import opener
    from lenswire.device.v4l2.kernel import Kernel

    args.config = _config_file(args)
    config = settings(args)
    facts = []
    measured = camera_facts(opener(config), choose, config.camera.quality)
    settled = [panel_fact(config.panel), http_fact(config.server)]
    for fact in itertools.chain(Machine().facts(), settled, usb_facts(Kernel()), measured):
        facts.append(fact)
        if not args.json:
            print(page.line(fact), flush=True)
    print(page.as_json(facts) if args.json else page.closing(facts))
    return int(any(fact.mend for fact in facts))


def settings(args: Namespace) -> Config:
    """The config file, if there is one, with what the command line says on top of it. Raises ConfigError."""
    config = load(args.config) if args.config else Config()
    camera = _told(args, "source", "size", "fps", "quality")
    server = _told(args, "listen", "open", "legacy", "http")
    parse({"camera": camera, "server": server})  # the command line obeys the same rules as the file
    return replace(config, camera=replace(config.camera, **camera), server=replace(config.server, **server))


def state_directory(given: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the device keeps its identity: as given, systemd's StateDirectory=, or this user's own."""
    if given:
        return given
    if systemd := environment.get("STATE_DIRECTORY"):
        return Path(systemd.split(":")[0])
    if home := environment.get("XDG_STATE_HOME"):
        return Path(home) / "lenswire"
    try:
        return Path.home() / ".local/state/lenswire"
    except RuntimeError:
        raise ConfigError("--state-dir: this user has no home directory, so say where to keep the identity") from None


def _config_file(args: Namespace) -> Path | None:
    """As told, or the one that this machine's service runs with."""
    told: Path | None = args.config
    return told or (CONFIG if CONFIG.exists() else None)


def _told(args: Namespace, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(args, name, None)) not in (None, False)}


def _log_to_stderr() -> None:
    journal = "JOURNAL_STREAM" in os.environ  # the journal writes the time itself
    logging.basicConfig(level=logging.INFO, format="%(message)s" if journal else "%(asctime)s %(message)s")
