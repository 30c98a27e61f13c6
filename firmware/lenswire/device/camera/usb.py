"""A camera on USB, or another that V4L2 knows as one: its own JPEGs untouched, or raw pictures as planes."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from lenswire.device.camera import CameraWish, Grab, Picture, find, jpeg
from lenswire.device.v4l2.controls import Control, controls, set_control
from lenswire.device.v4l2.device import Device, Filled
from lenswire.device.v4l2.kernel import Kernel
from lenswire.device.v4l2.modes import Mode, modes
from lenswire.errors import CameraError, NoCamera

if TYPE_CHECKING:
    from lenswire.device.camera.planes import Split

log = logging.getLogger(__name__)

WIDTH, HEIGHT, FPS = 1280, 720, 30.0  # where the config leaves it to the camera
JPEGS = "MJPG", "JPEG"
FORMATS = (*JPEGS, "NV12", "YU12", "YUYV", "GREY")  # what we can read; the least work comes first
# One is looked at, one is being filled, two wait: with fewer, a driver drops frames whenever we are a little late.
BUFFERS = 4
FAILURES = 8  # EIO in a row: now and then it is one bad frame, so many are a bad camera

GROUP = "permission denied; whoever runs lenswire must be in the group video"
GONE = "no such device; is it plugged in?"
WORDS = {
    errno.EBUSY: "another program is using it",
    errno.EACCES: GROUP,
    errno.EPERM: "a device policy forbids it: DeviceAllow= of the service's unit, or a container's",
    errno.ENODEV: GONE,
    errno.ENOENT: GONE,
    errno.ENXIO: GONE,
    errno.ENOSPC: "its USB bus has no bandwidth left; ask for a smaller size or rate, or plug it in elsewhere",
}


class Shown(NamedTuple):
    """A buffer with a whole frame in it. header and end: of a JPEG."""

    buffer: Filled
    header: jpeg.Header | None = None
    end: int = 0


class UsbOpener:
    """Opens the camera that is meant, and finds it again when it comes back as another node.

    which: "" for any on USB, a node (/dev/video0), or a part of a name in /dev/v4l/by-id or by-path, of the bus, or of
    the camera's own name.
    """

    def __init__(
        self,
        which: str,
        wish: CameraWish,
        controls: Mapping[str, int],
        kernel: Kernel | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._which, self._controls = which, controls
        self._wish = CameraWish(wish.width or WIDTH, wish.height or HEIGHT, wish.fps or FPS)
        self._kernel, self._clock = kernel or Kernel(), clock
        self._known: find.Node | None = None

    def __call__(self) -> UsbCamera:
        """Raises CameraError when it is not there, or cannot be used."""
        node = self._find()
        with in_words(node), contextlib.ExitStack() as undo:
            device = Device(self._kernel, node.path)
            undo.callback(device.close)
            camera = UsbCamera(node, device, self._wish, self._clock)
            for name, value in self._controls.items():
                camera.try_control(name, value)
            undo.pop_all()
        self._known = node
        return camera

    def _find(self) -> find.Node:
        nodes, refused = find.capture_nodes(self._kernel, self._which)
        if node := find.choose(nodes, self._which, self._known):
            return node
        for path, error in refused.items():
            with in_words(path):
                raise error
        wanted = f"no camera {self._which!r} found" if self._which else "no USB camera found"
        raise NoCamera(f"{wanted}; there is {', '.join(map(str, nodes)) or 'no camera at all'}")


class UsbCamera:
    """An open camera that gives frames."""

    def __init__(self, node: find.Node, device: Device, wish: CameraWish, clock: Callable[[], int]) -> None:
        self.description = str(node)
        self._device, self._clock = device, clock
        mode = nearest(node, modes(device.ioctl, wish.width, wish.height, wish.fps), wish)
        form, rate = device.set_mode(mode)
        if form.fourcc not in FORMATS:
            raise CameraError(f"{node}: asked for {mode.fourcc}, it gives {form.fourcc}")
        self.width, self.height, self.fps = form.width, form.height, float(rate)
        self.compressed = form.fourcc in JPEGS
        self._header: jpeg.Header | None = None  # of the newest JPEG
        self._split: Split | None = None
        self._needed = 0  # bytes of a whole raw picture
        self._period = 0.9e9 / self.fps  # ns, with some jitter forgiven
        if not self.compressed:
            from lenswire.device.camera.planes import splitter

            self._needed, self._split = splitter(form)
        got, asked = (f"{each.width}x{each.height} at {each.fps:.4g} fps" for each in (self, wish))
        log.info("= %s: %s %s (asked for %s)", node, form.fourcc, got, asked)
        self._buffers = device.start(BUFFERS)
        self._shown: Shown | None = None
        self._sequence: int | None = None  # of the frame last grabbed
        self._passed = self._failures = 0  # since then

    # Camera

    def grab(self, timeout: float) -> Grab | None:
        deadline = self._clock() + timeout * 1e9
        try:
            self._give_back()
            while self._device.wait(timeout):
                if shown := self._newest():
                    return self._show(shown)
                timeout = max(0.0, deadline - self._clock()) / 1e9
        except OSError as error:
            raise CameraError(words(self.description, error)) from error
        return None

    def picture(self) -> Picture:
        if self._shown is None:
            raise CameraError(f"{self.description}: no frame has been grabbed yet")
        (buffer, header, end), split = self._shown, self._split
        if header:
            whole = memoryview(buffer.memory)[:end]
            return Picture(header.width, header.height, jpeg.with_tables(whole, header))
        return Picture(self.width, self.height, planes=split(buffer.memory) if split else ())

    def close(self) -> None:
        self._shown = None
        self._device.close()

    # Its own settings

    def list_controls(self) -> list[Control]:
        with in_words(self.description):
            return controls(self._device.ioctl)

    def set_control(self, name: str, value: int) -> None:
        """Raises CameraError if there is none of this name, or if it does not take this value."""
        known = {control.name: control for control in self.list_controls()}
        if name not in known:
            raise CameraError(
                f"{self.description} has no control {name!r}; it has {', '.join(sorted(known)) or 'none'}"
            )
        control = known[name]
        if not control.minimum <= value <= control.maximum:
            raise CameraError(
                f"{self.description}: {name}: expected {control.minimum} to {control.maximum}, got {value}"
            )
        with in_words(f"{self.description}: {name} = {value}"):
            set_control(self._device.ioctl, control, value)

    def try_control(self, name: str, value: int) -> None:
        """A camera that is not quite as it was wished to be is better than none: it is said in the log."""
        try:
            self.set_control(name, value)
        except CameraError as error:
            log.warning("! control not set: %s", error)

    # Inside

    def _give_back(self) -> None:
        if self._shown:
            self._device.requeue(self._shown.buffer.number)
            self._shown = None

    def _newest(self) -> Shown | None:
        """The newest whole frame; the others go back at once."""
        frames = self._drain()
        if len(frames) == 1 and (whole := self._whole(frames[0])):  # as a rule
            return whole
        shown = next((whole for frame in reversed(frames) if (whole := self._whole(frame))), None)
        # With all buffers full (we had the last one) the driver had to drop what came later: the newest may be old.
        full = len(frames) >= max(2, self._buffers - 1)
        if shown and full and self._age(shown.buffer) > 1.5e9 / self.fps:
            shown = None
        for frame in frames:
            if not shown or frame is not shown.buffer:
                self._device.requeue(frame.number)
                self._passed += 1
        return shown

    def _drain(self) -> list[Filled]:
        frames: list[Filled] = []
        try:
            while len(frames) < self._buffers and (frame := self._device.dequeue()):
                frames.append(frame)
                self._failures = 0
                # Younger than a frame period, it is the newest there can be: no need to ask.
                if frame.captured is not None and self._clock() - frame.captured < self._period:
                    break
        except OSError as error:
            self._failures += 1
            if error.errno != errno.EIO or self._failures > FAILURES:
                raise
            self._passed += 1
        return frames

    def _whole(self, frame: Filled) -> Shown | None:
        """None if the camera or the cable damaged it."""
        if frame.damaged or frame.used < self._needed:
            return None
        if not self.compressed:
            return Shown(frame)
        header = self._header = jpeg.parse(frame.memory, self._header)
        end = jpeg.end(frame.memory, header, frame.used) if header else None
        return Shown(frame, header, end) if end else None

    def _age(self, frame: Filled) -> int:
        return 0 if frame.captured is None else self._clock() - frame.captured

    def _show(self, shown: Shown) -> Grab:
        self._shown = shown
        now, frame = self._clock(), shown.buffer
        gap = -1 if self._sequence is None else frame.sequence - self._sequence - 1
        # Some drivers do not count, and all begin anew at some time: then it is what we passed over ourselves.
        lost = gap if gap >= 0 else self._passed
        self._sequence, self._passed = frame.sequence, 0
        return Grab(now if frame.captured is None else min(frame.captured, now), lost)


def nearest(node: find.Node, offered: Iterator[Mode], wish: CameraWish) -> Mode:
    """The size counts first, then a rate that is high enough, then how little work the format is."""
    every = list(offered)
    usable = [mode for mode in every if mode.fourcc in FORMATS]
    if not usable:
        has = ", ".join(dict.fromkeys(mode.fourcc for mode in every)) or "none"
        raise CameraError(f"{node}: expected a format among {', '.join(FORMATS)}; it has {has}")

    def badness(mode: Mode) -> tuple[float, ...]:
        size = abs(mode.width - wish.width) + abs(mode.height - wish.height)
        # 29.97 is as good as 30.
        return size, max(0, int(wish.fps - mode.fps)), FORMATS.index(mode.fourcc), abs(mode.fps - wish.fps)

    return min(usable, key=badness)


@contextlib.contextmanager
def in_words(what: object) -> Iterator[None]:
    """Whatever the kernel refuses becomes a CameraError in words, beginning with what it is about."""
    try:
        yield
    except CameraError:
        raise
    except OSError as error:
        raise CameraError(words(what, error)) from error


def words(what: object, error: OSError) -> str:
    """What the kernel refused, beginning with what it is about."""
    number = error.errno or 0
    return f"{what}: {WORDS.get(number) or os.strerror(number).lower()}"
