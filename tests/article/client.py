"""The article's client, written from its text: the same calls in the same order, without its window.

`lhh` is the native "lhh" of the machine that it runs on: "<lhh" is Windows, "<qhh" is 64-bit Linux.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple


class Shown(NamedTuple):
    """What the header said, and what went to cv2.imdecode."""

    size: tuple[int, int]
    jpeg: bytes


def watch(port: int, resolution: tuple[int, int] = (640, 480), fps: int = 15, lhh: str = "lhh") -> Iterator[Shown]:
    """Every picture, for ever. Raises struct.error when the server hangs up, as the article's client does."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as client:
        client.send(struct.pack(lhh, 888 + fps, resolution[0], resolution[1]))
        while True:
            info = struct.unpack(lhh, client.recv(struct.calcsize(lhh)))
            rest = info[0]
            buffer = b""
            while rest:
                piece = client.recv(rest)
                if not piece:
                    return
                rest -= len(piece)
                buffer += piece
            yield Shown((info[1], info[2]), buffer)
