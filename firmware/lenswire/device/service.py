"""The device's composition root: builds the parts, wires them up, runs until told to stop, closes in reverse."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path

from lenswire import __version__
from lenswire.device import systemd
from lenswire.device.camera import Camera, CameraWish, source
from lenswire.device.config import Config
from lenswire.device.control import Control
from lenswire.device.encoder import choose
from lenswire.device.hub import Hub
from lenswire.device.identity import Identity, load_or_make
from lenswire.device.pipeline import Found, Lost, Pipeline
from lenswire.device.server import Access, Server, is_loopback
from lenswire.device.session import NativeSession
from lenswire.device.snapshot import take
from lenswire.device.state import Event, State
from lenswire.device.systemd import Progress
from lenswire.errors import CameraError, ConfigError, NoPicture
from lenswire.messages import Command, Result, Status, Verb

log = logging.getLogger(__name__)

_EVENTS = {Verb.START: Event.START, Verb.STOP: Event.STOP, Verb.TOGGLE: Event.TOGGLE}


async def serve(settings: Callable[[], Config], state_directory: Path) -> None:
    """Run the device until SIGTERM or SIGINT; SIGHUP reads the settings again.

    Raises a LenswireError, in words, when it cannot begin.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    service = Service(settings(), state_directory)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, service.reload, settings)
    service.start()
    try:
        systemd.notify("READY=1")
        feeding = asyncio.ensure_future(systemd.feed_watchdog(Progress(service.pipeline).made))
        await stopping.wait()
        feeding.cancel()
    finally:
        systemd.notify("STOPPING=1")
        await service.stop()


class Service:
    """The device, put together. Made, started and stopped on the running event loop."""

    def __init__(self, config: Config, state_directory: Path) -> None:
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._began = time.monotonic()
        self._tasks: set[asyncio.Task[None]] = set()
        self._found: Found | None = None
        self._state_directory = state_directory
        identity = load_or_make(state_directory, config.name)
        self.pipeline = Pipeline(
            opener(config),
            choose,
            config.camera.quality,
            report=lambda fact: self._loop.call_soon_threadsafe(self._report, fact),
            published=lambda rendition: self._loop.call_soon_threadsafe(rendition.spread),
        )
        self.control = Control(self.pipeline.want, self.pipeline.retry, self._changed)
        self.hub = Hub(config.camera.quality, self.pipeline.serve, self._watched)
        self.server = Server(config.name, access(config, identity), self.hub, self.status, self._obey)

    # Life

    def start(self) -> None:
        """Listen, then open the camera. Raises ServeError when the address cannot be had."""
        self.server.listen(*self._config.server.address)
        for line in greeting(self._config, self.server.addresses):
            log.info(line)
        self.pipeline.start()
        self.control.begin(State.READY if self._config.start else State.STOPPED)

    async def stop(self) -> None:
        """Tell the viewers, close the camera, end the threads."""
        self.server.close(f"{self._config.name} is shutting down")
        for task in self._tasks:
            task.cancel()
        await asyncio.to_thread(self.pipeline.stop)

    def reload(self, settings: Callable[[], Config]) -> None:
        """Read the settings again and take up what can be taken up without dropping a viewer; the rest is said."""
        old = self._config
        try:
            new = settings()
            open_camera = opener(new)
        except (ConfigError, CameraError) as error:
            log.error("! the settings stay as they were: %s", error)
            return
        self._config = new
        for what, before, after in (("name", old.name, self._config.name), ("server", old.server, self._config.server)):
            if before != after:
                log.warning("! %s: has changed, which takes a restart", what)
        if old.camera != self._config.camera:
            self.pipeline.reconfigure(open_camera, self._config.camera.quality)
        log.info("= settings read again")

    def status(self) -> Status:
        """What the device is doing now."""
        figures, found = self.pipeline.figures, self._found
        return Status(
            state=self.control.state.name,
            reason=self.control.reason,
            camera=found.camera if found else self._config.camera.source,
            encoder=found.encoder if found else "",
            encoder_reason=found.encoder_reason if found else "",
            width=found.source.width if found else 0,
            height=found.source.height if found else 0,
            fps=round(figures.fps, 2),
            captured=figures.captured,
            dropped=figures.dropped,
            viewers=self.hub.viewers,
            renditions=self.hub.described(),
            uptime=round(time.monotonic() - self._began, 1),
            version=__version__,
        )

    # What the parts say

    def _report(self, fact: Found | Lost) -> None:
        match fact:
            case Found():
                log.info("= camera: %s, encoder: %s (%s)", fact.camera, fact.encoder, fact.encoder_reason)
                self._found = fact
                self.hub.found(fact.source, self._config.camera.quality)
                self.control.post(Event.FOUND)
            case Lost(reason):
                self.control.post(Event.LOST, reason)

    def _changed(self) -> None:
        self.server.tell()

    def _watched(self, watched: bool) -> None:
        self.control.post(Event.WATCHED if watched else Event.UNWATCHED)

    def _obey(self, session: NativeSession, command: Command) -> Result | None:
        log.info("< %s: %s", session.peer, command.verb.name)
        if command.verb is Verb.SNAPSHOT:
            task = asyncio.ensure_future(self._snapshot(session, command.number))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return None
        state = self.control.post(_EVENTS[command.verb], f"{command.verb.name.lower()} by {session.peer}")
        return Result(command.number, ok=True, text=state.name)

    async def _snapshot(self, session: NativeSession, number: int) -> None:
        directory = Path(self._config.snapshot.directory or self._state_directory / "snapshots")
        try:
            path = await take(self.hub, directory, self._config.snapshot.keep)
            result = Result(number, ok=True, text=str(path))
        except NoPicture as error:
            result = Result(number, ok=False, text=f"{error}: the device is {self.control.state.name}")
        except OSError as error:
            result = Result(number, ok=False, text=f"{directory}: {(error.strerror or str(error)).lower()}")
        log.info("> %s: %s", session.peer, result.text)
        session.answer(result)


def opener(config: Config) -> Callable[[], Camera]:
    """What opens the camera of these settings. Raises CameraError when the source means nothing."""
    camera = config.camera
    return source.opener(camera.source, CameraWish(*camera.pixels, camera.fps), camera.controls)


def access(config: Config, identity: Identity) -> Access:
    """Who may watch: on loopback everybody on this machine; elsewhere who has the key, unless `open` says otherwise."""
    server = config.server
    local = is_loopback(server.address[0])
    if server.legacy and not (local or server.open):
        raise ConfigError(
            f"server.legacy: the article's clients know no key, so on {server.listen} it needs server.open (--open) too"
        )
    return Access(
        identity.tls(),
        identity.fingerprint,
        identity.key,
        key_needed=not (local or server.open),
        legacy=server.legacy,
        max_viewers=server.max_viewers,
    )


def greeting(config: Config, addresses: list[str]) -> list[str]:
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
    return lines
