"""A camera's own settings: exposure, focus, white balance and the like."""

from __future__ import annotations

import contextlib
import re
from typing import Any, NamedTuple

import videodev2 as v4l2

from lenswire.device.v4l2.kernel import LONGEST_LIST, Ioctl, answers, text

LOCKED = (
    v4l2.V4L2_CTRL_FLAG_DISABLED
    | v4l2.V4L2_CTRL_FLAG_GRABBED
    | v4l2.V4L2_CTRL_FLAG_READ_ONLY
    | v4l2.V4L2_CTRL_FLAG_INACTIVE
)
MENUS = v4l2.V4L2_CTRL_TYPE_MENU, v4l2.V4L2_CTRL_TYPE_INTEGER_MENU
NUMBERS = v4l2.V4L2_CTRL_TYPE_INTEGER, v4l2.V4L2_CTRL_TYPE_BOOLEAN, v4l2.V4L2_CTRL_TYPE_BITMASK, *MENUS


class Control(NamedTuple):
    """One of the camera's own settings. choices: what the values of a menu mean."""

    number: int
    name: str
    minimum: int
    maximum: int
    step: int
    default: int
    value: int
    choices: dict[int, str]
    locked: bool


def controls(ioctl: Ioctl) -> list[Control]:
    """Those that are numbers, switches or menus."""
    query = v4l2.v4l2_queryctrl()
    found = []
    for _ in range(LONGEST_LIST):
        query = v4l2.v4l2_queryctrl(id=query.id | v4l2.V4L2_CTRL_FLAG_NEXT_CTRL)
        if not answers(ioctl, v4l2.VIDIOC_QUERYCTRL, query):
            break
        if query.type in NUMBERS and not query.flags & v4l2.V4L2_CTRL_FLAG_DISABLED:
            found.append(_control(ioctl, query))
    return found


def set_control(ioctl: Ioctl, control: Control, value: int) -> None:
    ioctl(v4l2.VIDIOC_S_CTRL, v4l2.v4l2_control(id=control.number, value=value))


def _control(ioctl: Ioctl, query: Any) -> Control:
    value = v4l2.v4l2_control(id=query.id)
    with contextlib.suppress(OSError):  # some can only be written: 0 is as good as any
        ioctl(v4l2.VIDIOC_G_CTRL, value)
    name = re.sub("[^a-z0-9]+", "_", text(query.name).lower()).strip("_")  # as v4l2-ctl writes them
    limits = query.minimum, query.maximum, query.step, query.default_value
    return Control(query.id, name, *limits, value.value, _choices(ioctl, query), bool(query.flags & LOCKED))


def _choices(ioctl: Ioctl, query: Any) -> dict[int, str]:
    if query.type not in MENUS:
        return {}
    choices = {}
    for index in range(query.minimum, min(query.maximum + 1, LONGEST_LIST)):
        entry = v4l2.v4l2_querymenu(id=query.id, index=index)
        if answers(ioctl, v4l2.VIDIOC_QUERYMENU, entry):  # menus have gaps
            choices[index] = text(entry.name) if query.type == v4l2.V4L2_CTRL_TYPE_MENU else str(entry.value)
    return choices
