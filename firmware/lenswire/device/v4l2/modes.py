"""The formats, sizes and rates that a camera offers."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import videodev2 as v4l2

from lenswire.device.v4l2.kernel import Ioctl, entries

ENUM_FRAMESIZES, ENUM_FRAMEINTERVALS = 0xC02C564A, 0xC034564B  # with their structs, what videodev2 0.0.4 lacks


class SizeUnion(ctypes.Union):
    _fields_ = (("discrete", v4l2.v4l2_frmsize_discrete), ("stepwise", v4l2.v4l2_frmsize_stepwise))


class FrameSize(ctypes.Structure):
    """struct v4l2_frmsizeenum."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("pixel_format", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("size", SizeUnion),
        ("reserved", ctypes.c_uint32 * 2),
    )


class IntervalUnion(ctypes.Union):
    _fields_ = (("discrete", v4l2.v4l2_fract), ("stepwise", v4l2.v4l2_frmival_stepwise))


class FrameInterval(ctypes.Structure):
    """struct v4l2_frmivalenum."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("pixel_format", ctypes.c_uint32),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("interval", IntervalUnion),
        ("reserved", ctypes.c_uint32 * 2),
    )


class Mode(NamedTuple):
    """A format, a size and a rate that go together."""

    fourcc: str
    width: int
    height: int
    fps: Fraction


def modes(ioctl: Ioctl, width: int, height: int, fps: float) -> Iterator[Mode]:
    """All of them; of what the camera offers in steps, only the nearest to this size and rate."""
    for entry in entries(ioctl, v4l2.VIDIOC_ENUM_FMT, v4l2.v4l2_fmtdesc, type=v4l2.V4L2_BUF_TYPE_VIDEO_CAPTURE):
        code = entry.pixelformat
        for size in _sizes(ioctl, code, width, height):
            for rate in _rates(ioctl, code, *size, fps):
                yield Mode(fourcc(code), *size, rate)


def fourcc(code: int) -> str:
    return code.to_bytes(4, "little").decode("latin-1")


def rate(interval: Any) -> Fraction:
    """Frames per second of a struct v4l2_fract; 0 if it says nothing."""
    return Fraction(interval.denominator, interval.numerator) if interval.numerator else Fraction(0)


def _sizes(ioctl: Ioctl, code: int, width: int, height: int) -> Iterator[tuple[int, int]]:
    entry = None
    for entry in entries(ioctl, ENUM_FRAMESIZES, FrameSize, pixel_format=code):
        one, steps = entry.size.discrete, entry.size.stepwise
        if entry.type == v4l2.V4L2_FRMSIZE_TYPE_DISCRETE:
            yield one.width, one.height
        else:
            columns = _step(width, steps.min_width, steps.max_width, steps.step_width)
            yield columns, _step(height, steps.min_height, steps.max_height, steps.step_height)
    if entry is None:  # the driver keeps no list: what it makes of a wish is seen when it is set
        yield width, height


def _rates(ioctl: Ioctl, code: int, width: int, height: int, fps: float) -> Iterator[Fraction]:
    wish, entry = Fraction(fps).limit_denominator(1000), None
    for entry in entries(ioctl, ENUM_FRAMEINTERVALS, FrameInterval, pixel_format=code, width=width, height=height):
        one, steps = entry.interval.discrete, entry.interval.stepwise
        if entry.type == v4l2.V4L2_FRMIVAL_TYPE_DISCRETE:
            yield rate(one)
        else:  # the longest interval is the lowest rate
            yield min(max(wish, rate(steps.max)), rate(steps.min))
    if entry is None:
        yield wish


def _step(wish: int, least: int, most: int, step: int) -> int:
    """The nearest to the wish that can be reached from `least` in steps."""
    return least + round((min(max(wish, least), most) - least) / (step or 1)) * (step or 1)
