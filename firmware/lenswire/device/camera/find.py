"""Which node is the camera that is meant: /dev/video* are numbered as they come, and change when a plug is pulled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lenswire.device.v4l2.device import Device
from lenswire.device.v4l2.kernel import Kernel

BY_ID, BY_PATH = "/dev/v4l/by-id", "/dev/v4l/by-path"


class Node(NamedTuple):
    """A node that captures pictures, and all that its camera can be known by."""

    path: str
    by_id: str  # maker, model and serial number; "" when udev made no link: it forgets some when a hub comes back
    by_path: str  # which plug it is in; ""
    bus: str  # the same, as the kernel says it
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.path})"


def capture_nodes(kernel: Kernel, more: str = "") -> Iterator[Node | OSError]:
    """All of this machine and `more`, if that is a path; OSError for one that may not be looked at."""
    by_id, by_path = kernel.links(BY_ID), kernel.links(BY_PATH)
    paths = kernel.nodes()
    ...
