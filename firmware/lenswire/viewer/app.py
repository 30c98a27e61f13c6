"""The command `view`: Stream -> Latest -> window, and -> recorder; and what the keys do."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lenswire.errors import LenswireError, NoPicture
from lenswire.latest import Latest
from lenswire.link import Target
from lenswire.messages import Result, Status, Verb, Watch
from lenswire.viewer import overlay
from lenswire.viewer.connection import Received, Statistics, Stream
from lenswire.viewer.files import named
from lenswire.viewer.meter import Meter
from lenswire.viewer.overlay import Overlay, Row, Situation
from lenswire.viewer.window import Action, Window

if TYPE_CHECKING:
    from lenswire.viewer.recorder import Recorder

# A new picture is taken at once; keys wait for it, or so long. pygame's own wait for both looks 1000 times a second
# (pygame-ce issue 1541): 3.6 % of a core when idle, and pictures 0.5 ms later. This is 0.4 %, and nothing at 30 fps.
KEYS = 0.04  # seconds
FRESH = 0.2  # seconds: so often the age of a picture that stands is written anew
FIGURES = 0.5  # seconds: figures that change faster cannot be read
NOTICE = 4.0  # seconds that a notice stays


class Source(Protocol):
    """What is asked of a Stream here."""

    connected: bool
    problem: str
    failure: Exception | None
    status: Status | None
    device_name: str
    tls: bool
    statistics: Statistics
    on_result: Callable[[Result], None]

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def command(self, verb: Verb) -> int: ...


def run(
    target: Target,
    *,
    size: tuple[int, int] | None = None,
    fps: float = 0.0,
    record: Path | None = None,
    fullscreen: bool = False,
    screenshot: Path | None = None,
    seconds: float | None = None,
) -> int:
    """Show a camera until it is closed, or for so many seconds; `screenshot` is what the window shows at the end.

    Raises LenswireError if there is no window, no camera that takes us, or in `seconds` no picture.
    """
    window = Window(target.label, fullscreen=fullscreen)
    viewer = Viewer(window, target)
    stream = Stream(target, Watch(*(size or (0, 0)), fps), viewer.receive)
    return viewer.run(stream, record=record, screenshot=screenshot, seconds=seconds)


class Viewer:
    """One camera in one window. receive() is called by the stream's thread, all else by the main thread."""

    def __init__(self, window: Window, target: Target, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._window, self._target, self._clock = window, target, clock
        self._latest: Latest[Received] = Latest()
        self._newest: Received | None = None
        self._shown: Received | None = None  # on the screen
        self._drawn = 0  # when the window was last drawn
        self._paused = self._help = self._done = False
        self._figures = True
        self._meter = Meter()
        self._panel: tuple[Row, ...] = ()
        self._panel_made = 0
        self._notice, self._noticed = "", 0
        self._told = ""
        self._recorder: Recorder | None = None

    # For the stream

    def receive(self, received: Received) -> None:
        """A frame came: the newest to the window, every one to the recorder. Never waits."""
        self._latest.put(received)
        if recorder := self._recorder:
            recorder.offer(received)

    # For the main thread

    def run(
        self,
        stream: Source,
        *,
        record: Path | None = None,
        screenshot: Path | None = None,
        seconds: float | None = None,
    ) -> int:
        """Show the stream until the window is closed, or for so many seconds. Raises LenswireError."""
        stream.on_result = lambda result: self._say(result.text)
        self._told = stream.problem
        end = self._clock() + (seconds or math.inf) * 1e9
        try:
            if record:
                self._record(record)
            stream.start()
            with contextlib.suppress(KeyboardInterrupt):
                while not self._done and self._clock() < end:
                    self.turn(stream)
            if screenshot:
                self._window.save(screenshot)
        finally:
            stream.stop()
            self._stop_recording()
            self._window.close()
        if seconds and not self._shown:
            raise NoPicture(stream.problem or f"no picture came within {seconds:g} s")
        return 0

    def turn(self, stream: Source) -> None:
        """Wait for a picture or a key, and show what is new. Raises what ended the stream, if there was no picture."""
        if received := self._latest.take(KEYS):
            self._newest = received
            if not self._paused:
                self._show(stream)  # before the keys: looking for them takes 0.1 ms
        actions = self._window.actions()
        for action in actions:
            self._act(action, stream)
        self._look_after(stream)
        if actions or self._clock() - self._drawn > FRESH * 1e9:
            self._show(stream)

    def _look_after(self, stream: Source) -> None:
        if stream.failure and not self._shown:
            raise stream.failure
        if stream.problem != self._told:
            self._told = stream.problem
            sys.stderr.write(f"{self._trouble(stream) or 'connected again'}\n")
        if self._recorder and self._recorder.problem:
            self._stop_recording()

    # What is shown

    def _show(self, stream: Source) -> None:
        picture = self._shown if self._paused else self._newest
        if picture and not self._shown:
            self._window.suit((picture.frame.width, picture.frame.height))
        if not self._window.show(picture.frame.jpeg if picture else None, self._overlay(picture, stream)):
            self._meter.damaged += 1
            self._newest = self._shown
            return self._show(stream)  # again the one before: half of the other may be in the window's memory
        self._drawn = now = self._clock()
        if picture and picture is not self._shown:
            self._shown = picture
            self._meter.shown(now, picture.age(now), stream.statistics.bytes)
        return None

    def _overlay(self, picture: Received | None, stream: Source) -> Overlay:
        now = self._clock()
        situation = Situation(
            camera=self._camera(stream),
            age=picture.age(now) if picture else None,
            paused=self._paused,
            connected=stream.connected,
            problem=self._trouble(stream),
            status=stream.status,
        )
        if picture and now - self._panel_made > FIGURES * 1e9:
            self._panel_made = now
            figures = self._meter.figures(now, self._latest.dropped)
            self._panel = overlay.panel(situation, picture, figures, stream.statistics, stream.tls)
        return Overlay(
            title=f"{situation.camera} - lenswire",
            look=overlay.look(situation),
            banner=overlay.banner(situation),
            panel=self._panel if self._figures and not self._help else (),
            help=overlay.HELP if self._help else (),
            recording=overlay.recording(self._recorder) if self._recorder else "",
            notice=self._notice if now - self._noticed < NOTICE * 1e9 else "",
        )

    def _camera(self, stream: Source) -> str:
        return self._target.name or stream.device_name or self._target.label

    def _trouble(self, stream: Source) -> str:
        return str(stream.failure) if stream.failure else stream.problem and f"{stream.problem} (trying again)"

    def _say(self, notice: str) -> None:
        self._notice, self._noticed = notice, self._clock()

    # What the keys do

    def _act(self, action: Action, stream: Source) -> None:
        match action:
            case Action.QUIT:
                self._done = True
            case Action.PAUSE:
                self._paused = not self._paused and self._shown is not None
            case Action.FIGURES:
                self._figures = not self._figures
            case Action.HELP:
                self._help = not self._help
            case Action.TOGGLE:
                stream.command(Verb.TOGGLE)
            case Action.SNAPSHOT:
                self._save_picture(stream)
            case Action.RECORD:
                self._toggle_recording(stream)

    def _save_picture(self, stream: Source) -> None:
        if not self._shown:
            return self._say("there is no picture to save yet")
        path = named(self._camera(stream), time.time() - self._shown.age(self._clock()), ".jpg")
        try:
            path.write_bytes(self._shown.frame.jpeg)
        except OSError as error:
            return self._say(f"{path}: cannot be written: {error.strerror}")
        return self._say(f"saved {path.absolute()}")

    def _toggle_recording(self, stream: Source) -> None:
        if self._recorder:
            return self._stop_recording()
        try:
            self._record(named(self._camera(stream), time.time(), ".mkv"))
        except LenswireError as error:
            self._say(str(error))
        return None

    def _record(self, path: Path) -> None:
        from lenswire.viewer.recorder import Recorder  # 0.2 s to import: not before it is wanted

        self._recorder = Recorder(path, self._target.label)
        self._recorder.start()

    def _stop_recording(self) -> None:
        if not self._recorder:
            return
        recorder, self._recorder = self._recorder, None
        recorder.stop()
        outcome = recorder.problem or recorder.summary()
        self._say(outcome)
        sys.stderr.write(f"{outcome}\n")
