"""The server of the seed article in miniature, for a viewer to watch."""

from __future__ import annotations

import socket
import struct
import threading
from types import TracebackType
from typing import Self

from lenswire.link import Target
from scripted_device import GLANCE, LIMIT, picture


class ArticleServer:
    """The server of the seed article, on a machine where its request has so many bytes; pictures until it is left."""

    def __init__(self, layout: int) -> None:
        self._layout = {8: struct.Struct("<lhh"), 12: struct.Struct("<qhh")}[layout]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(GLANCE)
        self._dead = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.requests: list[tuple[int, int, int]] = []
        self.target = Target("127.0.0.1", self._listener.getsockname()[1], legacy=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dead.set()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._dead.is_set():
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                continue
            with sock:
                try:
                    self._stream(sock)
                except OSError:
                    continue

    def _stream(self, sock: socket.socket) -> None:
        sock.settimeout(LIMIT)
        value, width, height = self._layout.unpack(sock.recv(self._layout.size))
        if value <= 888 or not width or not height:
            return
        self.requests.append((value, width, height))
        while not self._dead.wait(0.01):
            sock.sendall(self._layout.pack(len(picture()), width, height) + picture())
