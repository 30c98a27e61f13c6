"""The device's composition root: builds the parts, wires them up, runs until told to stop, closes in reverse."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenswire import __version__
from lenswire.device import systemd
from lenswire.device.admission import access, greeting, key_needed
from lenswire.device.announce import Announcer
from lenswire.device.bell import Bell
from lenswire.device.camera import Camera, CameraWish, source
from lenswire.device.config import Config, PanelConfig
from lenswire.device.control import Control
from lenswire.device.encoder import choose
from lenswire.device.hub import Hub
from lenswire.device.identity import load_or_make
from lenswire.device.panel import Deeds, Loop, Panel, open_panel
from lenswire.device.panel.power import power_off
from lenswire.device.pipeline import Found, Lost, Pipeline
from lenswire.device.server import Server, is_loopback
from lenswire.device.session import NativeSession
from lenswire.device.snapshot import take
from lenswire.device.state import Event, State
from lenswire.device.systemd import Progress
from lenswire.device.web import Counters, Device, open_web
from lenswire.errors import CameraError, ConfigError, NoPicture
from lenswire.messages import Command, Result, Status, Verb

if TYPE_CHECKING:
    from lenswire.device.web.server import WebServer

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

    def __init__(
        self,
        config: Config,
        state_directory: Path,
        panel: Callable[[PanelConfig, Deeds, Loop, Path], Panel] = open_panel,
    ) -> None:
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._began = time.monotonic()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._found: Found | None = None
        self._state_directory = state_directory
        # What is wrong with the settings is said before any hardware is touched.
        open_camera = opener(config)
        admission = access(config, load_or_make(state_directory, config.name))
        self.panel = panel(config.panel, self._deeds(), self._loop, state_directory)
        self._bell = Bell(self._loop, lambda: self.hub.spread())
        self.pipeline = Pipeline(
            open_camera,
            choose,
            config.camera.quality,
            report=lambda fact: self._loop.call_soon_threadsafe(self._report, fact),
            published=self._bell.ring,
            sensor=self.panel.sensor,
            hardware=source.devices_changed,
        )
        self.control = Control(self.pipeline.want, self.pipeline.retry, self._changed)
        self.hub = Hub(config.camera.quality, self.pipeline.serve, self._watched)
        self.server = Server(config.name, admission, self.hub, self.status, self._obey)
        self._lost = self._snapshots = 0
        self.web = self._open_web() if config.server.http else None
        self._announcer = Announcer(config, admission.fingerprint)

    # Life

    def start(self) -> None:
        """Listen, then open the camera. Raises ServeError when the address cannot be had."""
        self.server.listen(*self._config.server.address)
        if self.web:
            self.web.listen(*self._config.server.http_address)
        for line in greeting(self._config, self.server.addresses, self.web.addresses if self.web else []):
            log.info(line)
        self.pipeline.start()
        self.control.begin(State.READY if self._config.start else State.STOPPED)
        self._announcer.start()

    async def stop(self) -> None:
        """Tell the viewers, close the camera, end the threads."""
        self.server.close(f"{self._config.name} is shutting down")
        if self.web:
            await self.web.stop("")
        parting = self._loop.run_in_executor(None, self._announcer.stop)
        for task in self._tasks:
            task.cancel()
        if await asyncio.to_thread(self.pipeline.stop):
            self._bell.close()
        await parting
        self.panel.close()

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
        for what in ("name", "server", "panel"):
            if getattr(old, what) != getattr(new, what):
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
                settle()
                self.hub.found(fact.source, self._config.camera.quality)
                self.control.post(Event.FOUND)
            case Lost(reason):
                self._lost += self.control.state is not State.FAULT
                self.control.post(Event.LOST, reason)

    def _changed(self) -> None:
        self.server.tell()
        self.panel.show(self.control.state)

    def _watched(self, watched: bool) -> None:
        self.control.post(Event.WATCHED if watched else Event.UNWATCHED)

    def _obey(self, session: NativeSession, command: Command) -> Result | None:
        log.info("< %s: %s", session.peer, command.verb.name)
        if command.verb is Verb.SNAPSHOT:
            self._begin(self._snapshot(session, command.number))
            return None
        return Result(command.number, ok=True, text=self._order(session.peer, command.verb))

    def _order(self, by: str, verb: Verb) -> str:
        return self.control.post(_EVENTS[verb], f"{verb.name.lower()} by {by}").name

    def _open_web(self) -> WebServer:
        server = self._config.server
        local = is_loopback(server.http_address[0])
        device = Device(self._order, self._keep, self._counters)
        return open_web(self.server, device, key_needed=key_needed(server, server.http_address[0]), local=local)

    def _counters(self) -> Counters:
        return Counters(self.pipeline.made, self._lost, self._snapshots, self.pipeline.figures.newest)

    def _deeds(self) -> Deeds:
        return Deeds(
            toggle=lambda: self.control.post(Event.TOGGLE, "toggle by the button"),
            snapshot=lambda: self._begin(self._keep("the button")),
            shut_down=lambda: self._loop.run_in_executor(None, power_off),
        )

    def _begin(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _snapshot(self, session: NativeSession, number: int) -> None:
        session.answer(Result(number, *await self._keep(session.peer)))

    async def _keep(self, by: str) -> tuple[bool, str]:
        """Save a snapshot: whether it was, and its path or why not."""
        directory = Path(self._config.snapshot.directory or self._state_directory / "snapshots")
        saved = False
        try:
            text = str(await take(self.hub, directory, self._config.snapshot.keep))
            saved = True
            self._snapshots += 1
            self.panel.acknowledge()
        except NoPicture as error:
            text = f"{error}: the device is {self.control.state.name}"
        except OSError as error:
            text = f"{directory}: {(error.strerror or str(error)).lower()}"
        log.info("> %s: %s", by, text)
        return saved, text


def opener(config: Config) -> Callable[[], Camera]:
    """What opens the camera of these settings. Raises CameraError when the source means nothing."""
    camera = config.camera
    wish = CameraWish(*camera.pixels, camera.fps, camera.rotation, camera.quality)
    return source.opener(camera.source, wish, camera.controls)


def settle() -> None:
    """What is there now will stay: the garbage collector need not look through it again and again (a twentieth of the
    processor's time in passthrough)."""
    gc.collect()
    gc.freeze()
