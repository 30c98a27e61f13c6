"""One of the cameras in the window: its stream, what is to be seen of it, and what is kept of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol, TypeAlias

from lenswire.latest import Latest
from lenswire.link import Target
from lenswire.messages import Result, Status, Verb, Watch
from lenswire.viewer import overlay
from lenswire.viewer.connection import Received, Statistics
from lenswire.viewer.decoder import Size
from lenswire.viewer.files import named
from lenswire.viewer.keeping import Keeping
from lenswire.viewer.meter import Figures, Meter
from lenswire.viewer.overlay import Overlay, Row, Situation
from lenswire.viewer.replay import Replay

FIGURES = 0.5  # seconds: figures that change faster cannot be read
NOTICE = 4.0  # seconds that a notice stays
HIDDEN = 0.001  # frames per second: the lowest rate there is, one picture in a quarter of an hour


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
    def watch(self, watch: Watch) -> None: ...
    def command(self, verb: Verb) -> int: ...


OpenStream: TypeAlias = Callable[[Target, Watch, Callable[[Received], None]], Source]


class Pane:
    """receive() is called by the stream's thread, all else by the main thread.

    number: of several, counted from 1; 0 for the only one. news() is called whenever a picture has come.
    """

    def __init__(
        self,
        target: Target,
        watch: Watch,
        open_stream: OpenStream,
        replay: Replay,
        news: Callable[[], None],
        clock: Callable[[], int],
        *,
        number: int = 0,
        split: float = 0.0,
    ) -> None:
        self.target, self.number = target, number
        self.drawn = 0  # when it was drawn last
        self._whole = self._asked = watch
        self._news, self._clock = news, clock
        self._latest: Latest[Received] = Latest()
        self._newest: Received | None = None
        self._shown: Received | None = None  # on the screen
        self._paused = False
        self._meter, self._figures, self._measured = Meter(), Figures(), 0
        self._panel: tuple[Row, ...] = ()
        self._notice, self._noticed = "", 0
        self._told = ""
        self._keeping = Keeping(target.label, replay, self._tell, split)
        self.stream = open_stream(target, watch, self.receive)
        self.stream.on_result = lambda result: self._say(result.text)

    # For the stream

    def receive(self, received: Received) -> None:
        """A frame came: the newest to the window, every one to what is kept. Never waits."""
        self._latest.put(received)
        self._news()
        self._keeping.receive(received)

    # Life

    def record(self, path: Path) -> None:
        """From the start, and so before it. Raises LenswireError if nothing could be written there."""
        self._keeping.record(path)

    def start(self) -> None:
        self._told = self.stream.problem
        self.stream.start()

    def stop(self) -> None:
        self.stream.stop()
        self._keeping.stop()

    def look_after(self) -> None:
        """Say on stderr what is new, and end what has failed."""
        if self.stream.problem != self._told:
            self._told = self.stream.problem
            self._write(self._trouble() or "connected again")
        self._keeping.look_after()

    @property
    def failure(self) -> Exception | None:
        """What ended the stream, if nothing has ever been shown."""
        return None if self._shown else self.stream.failure

    # What is asked for

    def ask(self, size: Size | None, hidden: bool = False) -> None:
        """For pictures that fit such a place; None: as large as they are. What is recorded comes whole."""
        whole = self._whole
        watch = whole
        if size and not self._keeping.recording:
            watch = replace(whole, width=_least(size[0], whole.width), height=_least(size[1], whole.height))
        if hidden and not self._keeping.recording:
            watch = replace(watch, fps=HIDDEN)
        if watch != self._asked and not self.target.legacy:  # to an article's server that takes a new connection
            self._asked = watch
            self.stream.watch(watch)

    # What is shown

    @property
    def camera(self) -> str:
        """Its name."""
        return self.target.name or self.stream.device_name or self.target.label

    @property
    def picture(self) -> Received | None:
        """What is to be shown."""
        return self._shown if self._paused else self._newest

    @property
    def begun(self) -> bool:
        """Something has been shown."""
        return self._shown is not None

    def take(self) -> bool:
        """Whether another picture is to be shown."""
        if received := self._latest.take():
            self._newest = received
            return not self._paused
        return False

    def damaged(self) -> None:
        """The picture cannot be shown: the one before stays."""
        self._meter.damaged += 1
        self._newest = self._shown

    def shown(self, now: int) -> None:
        """It is on the screen."""
        self.drawn, picture = now, self.picture
        if picture and picture is not self._shown:
            self._shown = picture
            self._meter.shown(now, picture.age(now), self.stream.statistics.bytes)

    def overlay(self, *, selected: bool, panel: bool, figures: bool) -> Overlay:
        """panel: there is room for all figures. figures: they are wanted."""
        now, picture = self._clock(), self.picture
        situation = Situation(
            camera=self.camera,
            age=picture.age(now) if picture else None,
            paused=self._paused,
            selected=selected or not self.number,
            connected=self.stream.connected,
            problem=self._trouble(),
            status=self.stream.status,
        )
        if picture and now - self._measured > FIGURES * 1e9:
            self._measured, self._figures = now, self._meter.figures(now, self._latest.dropped)
            statistics, tls = self.stream.statistics, self.stream.tls
            self._panel = overlay.panel(situation, picture, self._figures, statistics, tls)
        return Overlay(
            look=overlay.look(situation),
            banner=overlay.banner(situation),
            panel=self._panel if panel and figures else (),
            label=overlay.label(self.number, situation, self._figures if figures else None) if self.number else "",
            recording=self._keeping.words,
            notice=self._notice if now - self._noticed < NOTICE * 1e9 else "",
            selected=selected,
        )

    # What the keys do

    def pause(self) -> None:
        self._paused = not self._paused and self._shown is not None

    def toggle_camera(self) -> None:
        self.stream.command(Verb.TOGGLE)

    def save_picture(self) -> None:
        if not self._shown:
            return self._say("there is no picture to save yet")
        path = named(self.camera, time.time() - self._shown.age(self._clock()), ".jpg")
        try:
            path.write_bytes(self._shown.frame.jpeg)
        except OSError as error:
            return self._say(f"{path}: cannot be written: {error.strerror}")
        return self._say(f"saved {path.absolute()}")

    def toggle_recording(self) -> None:
        self._keeping.toggle(self.camera, self._newest if self._asked != self._whole else None, self.stream.status)

    def save_replay(self) -> None:
        self._keeping.save_replay(self.camera)

    # Words

    def _trouble(self) -> str:
        stream = self.stream
        return str(stream.failure) if stream.failure else stream.problem and f"{stream.problem} (trying again)"

    def _say(self, notice: str) -> None:
        self._notice, self._noticed = notice, self._clock()

    def _tell(self, outcome: str) -> None:
        self._say(outcome)
        self._write(outcome)

    def _write(self, words: str) -> None:
        sys.stderr.write(f"{f'{self.camera}: ' if self.number else ''}{words}\n")


def _least(one: int, other: int) -> int:
    """The lower of two limits, of which the other may be 0: none."""
    return min(one, other or one)
