"""The capture thread: newest frame -> encode -> publish; a lost camera is opened again, less and less often.

It knows no asyncio: what it finds out goes to `report`, what it makes to `published`; both are called in its threads.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from lenswire.device.camera import Camera
from lenswire.device.encoder import Encoder
from lenswire.device.maker import Job, Maker
from lenswire.device.rendition import Rendition, Source
from lenswire.errors import CameraError, StandInEnds

log = logging.getLogger(__name__)

BACK_OFF = (1.0, 30.0)  # seconds before a lost camera is tried again: the first wait, then doubled up to the last
LOOK = 0.25  # seconds that a grab may wait before the wishes are looked at again: how fast STOP closes the sensor
HARDWARE = 0.5  # seconds between looks at whether hardware came or went, while a camera is lost: a plug is seen at once
SILENCE = 2.0  # seconds without a frame before a camera counts as lost; three frame periods if that is longer
JOIN = 5.0  # seconds for the thread to end: a driver's close() may take its time


class Found(NamedTuple):
    """The camera gives frames."""

    source: Source
    camera: str
    encoder: str
    encoder_reason: str


class Lost(NamedTuple):
    """It does not, and why."""

    reason: str


class Figures(NamedTuple):
    """Counted at the camera since it was opened; fps is smoothed over about a second; newest: captured when, ns."""

    captured: int = 0
    dropped: int = 0
    fps: float = 0.0
    newest: int = 0


class Pipeline:
    """Keeps the camera as `want` says, and makes the renditions of `serve` for whoever waits for them."""

    def __init__(
        self,
        open_camera: Callable[[], Camera],
        choose: Callable[[Camera], Encoder],
        quality: int,
        report: Callable[[Found | Lost], object],
        published: Callable[[bool], object],
        clock: Callable[[], int] = time.monotonic_ns,
        sensor: Callable[[bool], object] = lambda is_open: None,
        hardware: Callable[[], object] = lambda: None,
    ) -> None:
        """hardware: gives another value when a camera may have been plugged in; a lost one is then tried at once."""
        self._open_camera, self._choose, self._report, self._clock = open_camera, choose, report, clock
        self._sensor, self._hardware = sensor, hardware
        self.beats = 0  # turns of the capture thread; it stands still while a driver hangs
        self.resting = False  # the thread waits for a wish, or for the time to try a lost camera again
        self._captured = self._dropped = self._newest = 0  # since the camera was opened
        self._period = 0.0  # ns between frames, smoothed over about a second
        self._here = Maker(quality, published, clock)
        self._beside = Maker(quality, published, clock)
        self._wishes = threading.Condition()
        self._camera_wanted = self._encoding = self._stopping = False
        self._retry_now = self._reopen = False
        self._renditions: tuple[Rendition, ...] = ()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)

    # Wishes, from any thread; each may be told the same again

    def want(self, camera: bool, encode: bool) -> None:
        """Have the camera open or closed, and frames encoded or not."""
        with self._wishes:
            if not self._stopping:  # the last viewers leave while it ends: that opens nothing again
                self._camera_wanted, self._encoding = camera, encode
                self._wishes.notify()

    def serve(self, renditions: tuple[Rendition, ...]) -> None:
        """Make these renditions from now on."""
        self._renditions = renditions

    def reconfigure(self, open_camera: Callable[[], Camera], quality: int) -> None:
        """Use another camera, or the same one in another way, and another quality: the camera is closed and opened."""
        with self._wishes:
            self._open_camera, self._reopen, self._retry_now = open_camera, True, True
            self._here.quality = self._beside.quality = quality
            self._wishes.notify()

    def retry(self) -> None:
        """Try a lost camera at once."""
        with self._wishes:
            self._retry_now = True
            self._wishes.notify()

    @property
    def figures(self) -> Figures:
        fps = 1e9 / self._period if self._period else 0.0
        return Figures(self._captured, self._dropped, fps, self._newest)

    @property
    def due(self) -> bool:
        """Frames come in, and somebody waits for one who should get several a second."""
        fps = self.figures.fps
        waited_for = any(rendition.waiting and (rendition.plan.fps or fps) >= 1 for rendition in self._renditions)
        return self._encoding and waited_for and not self.resting and fps >= 1

    @property
    def made(self) -> int:
        """Frames made for whoever waited, those included that turned out to be damaged."""
        return self._here.made + self._here.damaged + self._beside.made + self._beside.damaged

    # Life

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> bool:
        """Close the camera and end the threads. Whether they ended: a driver may hang, and is not waited for long."""
        with self._wishes:
            self._stopping, self._camera_wanted = True, False
            self._wishes.notify()
        self._thread.join(JOIN)
        hangs = self._thread.is_alive()
        if hangs:
            log.error("! the camera does not let go: it hangs in its driver")
        return not hangs

    # The thread

    def _run(self) -> None:
        wait, reason = BACK_OFF[0], ""
        while not self._stopping:
            if not self._camera_wanted:
                self._rest(None, wanted=False)
                continue
            began = self._clock()
            try:
                self._capture_in_light()
                wait = BACK_OFF[0]
            except StandInEnds as error:
                log.info("= %s", error)
            except CameraError as error:
                # A fault after a good while, or for another reason, is a new one: a camera that was plugged in again
                # may be shut to us until udev has seen it.
                new = self._clock() - began > BACK_OFF[1] * 1e9 or str(error) != reason
                wait, reason = BACK_OFF[0] if new else min(2 * wait, BACK_OFF[1]), str(error)
                if self._lose(reason, wait):
                    reason = ""
            except Exception as error:  # the thread's root: a bug must neither end it nor pass unseen
                log.exception("! the capture thread failed")
                self._lose(f"{type(error).__name__}: {error}", BACK_OFF[1])
        self._beside.stop()

    def _lose(self, reason: str, wait: float) -> bool:
        """Say so, and wait; whether hardware came or went meanwhile."""
        if not self._camera_wanted:
            return False
        log.warning("! camera lost: %s; trying again in %g s", reason, wait)
        before = self._hardware()
        self._report(Lost(reason))
        while wait > 0 and self._hardware() == before and self._rest(min(wait, HARDWARE), wanted=True):
            wait -= HARDWARE
        return self._hardware() != before

    def _rest(self, seconds: float | None, wanted: bool) -> bool:
        """While the camera is wanted or not, as it was; at most so many seconds, or until somebody says retry().

        True if nothing but time has passed.
        """
        with self._wishes:
            self.resting = True
            ended = self._wishes.wait_for(
                lambda: self._stopping or self._retry_now or self._camera_wanted is not wanted, seconds
            )
            self._retry_now = self.resting = False
        return not ended

    def _capture_in_light(self) -> None:
        """The sensor's light is on from before it may be open until after it is closed for certain."""
        self._sensor(True)
        try:
            self._capture()
        finally:
            self._sensor(False)

    def _capture(self) -> None:
        """Open the camera and serve it until it is not wanted any more. Raises CameraError when it is lost."""
        self._reopen = False
        camera = self._open_camera()
        try:
            encoder = self._choose(camera)
            source = Source(camera.width, camera.height, camera.fps, camera.compressed)
            found = Found(source, camera.description, encoder.name, encoder.reason)
            self._serve(camera, encoder, found)
        finally:
            camera.close()
            self._captured = self._dropped = self._newest = 0
            self._period = 0.0
            log.info("= camera closed")

    def _serve(self, camera: Camera, encoder: Encoder, found: Found) -> None:
        silence = max(SILENCE, 3 / camera.fps) * 1e9
        heard = self._clock()
        told = False
        while self._camera_wanted and not self._reopen:
            self.beats += 1
            grab = camera.grab(LOOK)
            if grab is None:
                if self._clock() - heard > silence:
                    raise CameraError(f"{camera.description}: no frame for {silence / 1e9:g} s")
                continue
            now = self._clock()
            self._count(grab.captured, grab.lost, now - heard)
            heard = now
            if not told:
                told = True
                self._report(found)
            self._make(camera, encoder, found.source, grab.captured)

    def _make(self, camera: Camera, encoder: Encoder, source: Source, captured: int) -> None:
        """What is due with this frame and waited for: the camera's own size here and now; others beside, so that they
        do not hold up the next frame. All that is due is counted, waited for or not."""
        ours: list[Job] = []
        others: list[Job] = []
        for rendition in self._renditions:
            number = rendition.due(captured)
            if number is not None and self._encoding and rendition.waiting:
                (ours if rendition.plan.is_source(source) else others).append(Job(rendition, number))
        if ours or others:
            picture = camera.picture()
            if others:
                self._beside.begin(encoder, picture.kept(), captured, others)
            if ours:
                self._here.make(encoder, picture, captured, ours)

    def _count(self, captured: int, lost: int, since: int) -> None:
        self._period = 0.95 * self._period + 0.05 * since if self._captured > 1 else since
        self._captured += 1
        self._dropped += lost
        self._newest = captured
