"""Which node is the camera that is meant: /dev/video* are numbered as they come, and anew when a plug is pulled."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import NamedTuple

from lenswire.device.v4l2.device import Device
from lenswire.device.v4l2.kernel import Kernel

BY_ID, BY_PATH = "/dev/v4l/by-id", "/dev/v4l/by-path"


class Node(NamedTuple):
    """A node that captures pictures, and all that its camera can be known by; "" is unknown."""

    path: str
    by_id: str  # maker, model, serial number. udev may lose it when a hub comes back
    by_path: str  # which socket it is in
    bus: str  # the same, in the kernel's words
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.path})"


def capture_nodes(kernel: Kernel, more: str = "") -> tuple[list[Node], dict[str, OSError]]:
    """All of this machine, and `more` if that is a node; and why some could not be looked at."""
    by_id, by_path = kernel.links(BY_ID), kernel.links(BY_PATH)
    paths = kernel.nodes()
    if more.startswith("/dev/video") and more not in paths:
        paths.append(more)
    nodes, refused = [], {}
    for path in paths:
        try:
            with contextlib.closing(Device(kernel, path)) as device:
                seen = device.capability()
        except OSError as error:
            refused[path] = error
            continue
        if seen.captures:
            nodes.append(Node(path, by_id.get(path, ""), by_path.get(path, ""), seen.bus, seen.name))
    return nodes, refused


def choose(nodes: list[Node], which: str, known: Node | None) -> Node | None:
    """The camera that was open before, wherever it is now; else what `which` means; None if it is not there."""
    return (known and _again(nodes, known)) or _meant(nodes, which)


def _again(nodes: list[Node], known: Node) -> Node | None:
    """By what tells most: serial number, then socket, then name."""
    marks: tuple[Callable[[Node], str], ...] = (
        lambda node: node.by_id,
        lambda node: node.by_path,
        lambda node: node.bus,
        lambda node: node.name,
    )
    return next((node for mark in marks for node in nodes if mark(known) and mark(node) == mark(known)), None)


def _meant(nodes: list[Node], which: str) -> Node | None:
    """ "" is any camera on USB: a Pi has many more nodes that capture, and none of them is a camera on its own."""
    if not which:
        return next((node for node in nodes if node.bus.startswith("usb-")), None)
    word = which.rsplit("/", 1)[-1].lower()
    exact = (node for node in nodes if word in (node.path.rsplit("/", 1)[-1], node.by_id.lower(), node.by_path.lower()))
    part = (node for node in nodes for mark in node[1:] if word in mark.lower())
    return next(exact, None) or next(part, None)
