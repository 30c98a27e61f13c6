"""The USB cameras that the kernel knows: what each can give, and what can be set."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import groupby

from lenswire.device.camera.find import Node, capture_nodes
from lenswire.device.doctor import Fact
from lenswire.device.v4l2.controls import Control, controls
from lenswire.device.v4l2.device import Device
from lenswire.device.v4l2.kernel import Kernel
from lenswire.device.v4l2.modes import Mode, modes

GROUP = "sudo usermod -aG video $USER, then log in again"


def usb_facts(kernel: Kernel) -> Iterator[Fact]:
    """For each: its names, its modes, its controls as they stand now."""
    nodes, refused = capture_nodes(kernel)
    for path, error in refused.items():
        if isinstance(error, PermissionError):
            yield Fact("USB camera", f"{path}: not for this user", GROUP)
    for node in nodes:
        if node.bus.startswith("usb-"):
            yield from _facts(kernel, node)


def _facts(kernel: Kernel, node: Node) -> Iterator[Fact]:
    yield Fact("USB camera", f"{node}, {node.by_id or node.by_path or node.bus}")
    try:
        with contextlib.closing(Device(kernel, node.path)) as device:
            yield Fact("modes", _modes(modes(device.ioctl, 0, 0, 0)) or "none that it tells")
            yield Fact("controls", ", ".join(map(_control, controls(device.ioctl))) or "none")
    except OSError as error:
        yield Fact("modes", f"{node.path}: {(error.strerror or str(error)).lower()}", "look at the cable")


def _modes(found: Iterator[Mode]) -> str:
    """ "MJPG 640x480 at 15, 30; YUYV 640x480 at 30"."""
    ordered = sorted(set(found))
    sizes = groupby(ordered, lambda mode: f"{mode.fourcc} {mode.width}x{mode.height}")
    return "; ".join(f"{size} at {', '.join(f'{float(mode.fps):.4g}' for mode in each)}" for size, each in sizes)


def _control(control: Control) -> str:
    meaning = f" {control.choices[control.value]}" if control.value in control.choices else ""
    return f"{control.name} = {control.value}{meaning} ({control.minimum} to {control.maximum})"
