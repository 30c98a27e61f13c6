"""A camera for the fake kernel: what is plugged in, what its sensor does, and what its driver answers."""

from __future__ import annotations

import errno
import mmap
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import videodev2 as v4l2

from lenswire.device.v4l2.modes import ENUM_FRAMEINTERVALS, ENUM_FRAMESIZES

CAPTURES = v4l2.V4L2_CAP_VIDEO_CAPTURE | v4l2.V4L2_CAP_STREAMING
METADATA = v4l2.V4L2_CAP_META_CAPTURE | v4l2.V4L2_CAP_STREAMING
PAGE = 4096


# What can happen in a frame period; bytes are a frame.


class Dropped:
    """The frame does not reach the host."""


class Silence:
    """Nothing at all, from now on."""


class Unplugged:
    """The cable is pulled."""


@dataclass
class Damaged:
    """A frame that the driver knows to be incomplete."""

    data: bytes


@dataclass
class Fails:
    """The frame cannot be dequeued."""

    number: int = errno.EIO


@dataclass
class Setting:
    """One of the camera's controls."""

    name: str
    value: int
    minimum: int = 0
    maximum: int = 255
    kind: int = v4l2.V4L2_CTRL_TYPE_INTEGER
    flags: int = 0
    menu: dict[int, str] = field(default_factory=dict)


@dataclass
class FakeCamera:
    """What is plugged in. modes: fourcc -> {(width, height): rates}; several nodes may belong to one camera."""

    film: Iterable[Any] = ()
    name: str = "HD Webcam"
    bus: str = "usb-0000:00:14.0-1"
    by_id: str = "usb-Maker_HD_Webcam_1234-video-index0"
    by_path: str = "pci-0000:00:14.0-usb-0:1:1.0-video-index0"
    modes: dict[str, dict[tuple[int, int], tuple[float, ...]]] = field(
        default_factory=lambda: {"MJPG": {(640, 480): (30,)}}
    )
    node_caps: int = CAPTURES
    settings: dict[int, Setting] = field(default_factory=dict)
    padding: int = 0  # bytes at the end of each row
    quantization: int = v4l2.V4L2_QUANTIZATION_DEFAULT
    monotonic: bool = True
    counts: bool = True  # the driver numbers its frames
    lists: bool = True  # it says which sizes and rates it has
    refuses: dict[int, int] = field(default_factory=dict)  # ioctl -> errno
    opening: int = 0  # errno of open()

    def __post_init__(self) -> None:
        self.reel: Iterator[Any] = iter(self.film)
        self.reset()

    def reset(self) -> None:
        """As it is when it has just been opened."""
        self.streaming = False
        self.format = ("", 0, 0)
        self.rate = Fraction(30)
        self.buffers: list[mmap.mmap] = []
        self.queue: deque[int] = deque()
        self.filled: deque[tuple[int, int, int, int, bool] | Fails] = deque()
        self.sequence = 0
        self.next_frame = 0

    # For the kernel

    def ioctl(self, request: int, answer: Any, now: int) -> None:
        if request in self.refuses:
            raise error(self.refuses[request])
        if request not in _ANSWERS:
            raise error(errno.ENOTTY)
        _ANSWERS[request](self, answer, now)

    def expose(self) -> Any:
        """One frame period of the film; what happens in it."""
        event = next(self.reel, Silence())
        captured, self.next_frame = self.next_frame, self.next_frame + round(1e9 / self.rate)
        match event:
            case Silence():
                self.next_frame = 1 << 62
            case Fails():
                self.filled.append(event)
            case Damaged(data):
                self._fill(data, captured, damaged=True)
            case bytes():
                self._fill(event, captured, damaged=False)
        self.sequence += self.counts
        return event

    def _fill(self, data: bytes, captured: int, damaged: bool) -> None:
        if self.queue:  # else the frame is lost, as the hardware does it
            number = self.queue.popleft()
            self.buffers[number][: len(data)] = data
            self.filled.append((number, len(data), self.sequence, captured, damaged))

    # The ioctls

    def _querycap(self, answer: Any, now: int) -> None:
        _write(answer.card, self.name)
        _write(answer.bus_info, self.bus)
        answer.device_caps = self.node_caps
        answer.capabilities = CAPTURES | METADATA | v4l2.V4L2_CAP_DEVICE_CAPS  # of all its nodes together

    def _enum_fmt(self, answer: Any, now: int) -> None:
        answer.pixelformat = _code(_entry(self.modes, answer.index))

    def _enum_framesizes(self, answer: Any, now: int) -> None:
        if not self.lists:
            raise error(errno.ENOTTY)
        fourcc = answer.pixel_format.to_bytes(4, "little").decode()
        size = _entry(self.modes[fourcc], answer.index)
        if len(size) == 2:
            answer.type = v4l2.V4L2_FRMSIZE_TYPE_DISCRETE
            answer.size.discrete.width, answer.size.discrete.height = size
        else:  # least, most and step of the width, then of the height
            answer.type = v4l2.V4L2_FRMSIZE_TYPE_STEPWISE
            steps = answer.size.stepwise
            steps.min_width, steps.max_width, steps.step_width = size[:3]
            steps.min_height, steps.max_height, steps.step_height = size[3:]

    def _enum_frameintervals(self, answer: Any, now: int) -> None:
        if not self.lists:
            raise error(errno.ENOTTY)
        fourcc = answer.pixel_format.to_bytes(4, "little").decode()
        rates = self.modes[fourcc].get((answer.width, answer.height)) or next(iter(self.modes[fourcc].values()))
        if isinstance(rates, list):  # from the lowest to the highest, in steps
            if answer.index:
                raise error(errno.EINVAL)
            answer.type = v4l2.V4L2_FRMIVAL_TYPE_STEPWISE
            _set_rate(answer.interval.stepwise.max, rates[0])
            _set_rate(answer.interval.stepwise.min, rates[1])
        else:
            answer.type = v4l2.V4L2_FRMIVAL_TYPE_DISCRETE
            _set_rate(answer.interval.discrete, _entry(rates, answer.index))

    def _s_fmt(self, answer: Any, now: int) -> None:
        pix = answer.fmt.pix
        fourcc = pix.pixelformat.to_bytes(4, "little").decode()
        if fourcc not in self.modes:
            fourcc = next(iter(self.modes))
        if not self.lists:  # then it takes the nearest
            sizes = self.modes[fourcc]
            pix.width, pix.height = min(sizes, key=lambda size: abs(size[0] - pix.width))
        self.format = fourcc, pix.width, pix.height
        pix.pixelformat, pix.quantization = _code(fourcc), self.quantization
        pix.bytesperline = {"MJPG": 0, "YUYV": 2 * pix.width}.get(fourcc, pix.width) + self.padding
        pix.sizeimage = 2 * (pix.width + self.padding) * (pix.height + 1)

    def _s_parm(self, answer: Any, now: int) -> None:
        interval = answer.parm.capture.timeperframe
        self.rate = Fraction(interval.denominator, interval.numerator)

    def _reqbufs(self, answer: Any, now: int) -> None:
        _, width, height = self.format
        self.buffers = [mmap.mmap(-1, 2 * (width + self.padding) * (height + 1)) for _ in range(answer.count)]

    def _querybuf(self, answer: Any, now: int) -> None:
        answer.length, answer.m.offset = len(self.buffers[answer.index]), answer.index * PAGE

    def _qbuf(self, answer: Any, now: int) -> None:
        if answer.index in self.queue or any(
            not isinstance(each, Fails) and each[0] == answer.index for each in self.filled
        ):
            raise error(errno.EINVAL)
        self.queue.append(answer.index)

    def _dqbuf(self, answer: Any, now: int) -> None:
        if not self.filled:
            raise error(errno.EAGAIN)
        frame = self.filled.popleft()
        if isinstance(frame, Fails):
            raise error(frame.number)
        answer.index, answer.bytesused, answer.sequence, captured, damaged = frame
        answer.flags = v4l2.V4L2_BUF_FLAG_ERROR if damaged else 0
        if self.monotonic:
            answer.flags |= v4l2.V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC
        answer.timestamp.tv_sec, rest = divmod(captured if self.monotonic else 0, 1_000_000_000)
        answer.timestamp.tv_usec = rest // 1000

    def _streamon(self, answer: Any, now: int) -> None:
        self.streaming, self.next_frame = True, now + round(1e9 / self.rate)

    def _streamoff(self, answer: Any, now: int) -> None:
        self.streaming = False

    def _queryctrl(self, answer: Any, now: int) -> None:
        following = sorted(number for number in self.settings if number > answer.id & ~v4l2.V4L2_CTRL_FLAG_NEXT_CTRL)
        answer.id = _entry(following, 0)
        setting = self.settings[answer.id]
        _write(answer.name, setting.name)
        answer.type, answer.flags, answer.step = setting.kind, setting.flags, 1
        answer.minimum, answer.maximum, answer.default_value = setting.minimum, setting.maximum, setting.minimum

    def _querymenu(self, answer: Any, now: int) -> None:
        menu = self.settings[answer.id].menu
        if answer.index not in menu:
            raise error(errno.EINVAL)
        _write(answer.name, menu[answer.index])

    def _g_ctrl(self, answer: Any, now: int) -> None:
        answer.value = self.settings[answer.id].value

    def _s_ctrl(self, answer: Any, now: int) -> None:
        self.settings[answer.id].value = answer.value


def error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _code(fourcc: str) -> int:
    return int.from_bytes(fourcc.encode(), "little")


def _write(raw: Any, text: str) -> None:
    for index, byte in enumerate(text.encode()[: len(raw) - 1]):
        raw[index] = byte


def _entry(entries: Iterable[Any], index: int) -> Any:
    known = list(entries)
    if index >= len(known):
        raise error(errno.EINVAL)
    return known[index]


def _set_rate(interval: Any, fps: float) -> None:
    rate = Fraction(fps).limit_denominator(1001)
    interval.numerator, interval.denominator = rate.denominator, rate.numerator


_ANSWERS = {
    v4l2.VIDIOC_QUERYCAP: FakeCamera._querycap,
    v4l2.VIDIOC_ENUM_FMT: FakeCamera._enum_fmt,
    ENUM_FRAMESIZES: FakeCamera._enum_framesizes,
    ENUM_FRAMEINTERVALS: FakeCamera._enum_frameintervals,
    v4l2.VIDIOC_S_FMT: FakeCamera._s_fmt,
    v4l2.VIDIOC_S_PARM: FakeCamera._s_parm,
    v4l2.VIDIOC_REQBUFS: FakeCamera._reqbufs,
    v4l2.VIDIOC_QUERYBUF: FakeCamera._querybuf,
    v4l2.VIDIOC_QBUF: FakeCamera._qbuf,
    v4l2.VIDIOC_DQBUF: FakeCamera._dqbuf,
    v4l2.VIDIOC_STREAMON: FakeCamera._streamon,
    v4l2.VIDIOC_STREAMOFF: FakeCamera._streamoff,
    v4l2.VIDIOC_QUERYCTRL: FakeCamera._queryctrl,
    v4l2.VIDIOC_QUERYMENU: FakeCamera._querymenu,
    v4l2.VIDIOC_G_CTRL: FakeCamera._g_ctrl,
    v4l2.VIDIOC_S_CTRL: FakeCamera._s_ctrl,
}
