"""An RTSP server that does as the test says: real sockets on loopback, and everything published there taken down."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

LIMIT = 10.0  # seconds for anything to happen on a busy machine


@dataclass
class ScriptedRtsp:
    """Use it in a with-statement. What may change while it runs: refusals, challenges, rate."""

    tls: ssl.SSLContext | None = None
    refusals: dict[str, int] = field(default_factory=dict)  # method -> status
    challenges: tuple[str, ...] = ()  # WWW-Authenticate, for requests without Authorization
    rate: float = 0.0  # bytes per second that it reads; 0: all
    requests: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    rtp: list[tuple[float, bytes]] = field(default_factory=list)  # time.time() when the last byte was here, packet
    rtcp: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self.live()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.die()

    def live(self, port: int = 0) -> Self:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        if self.rate:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
        self._dead = threading.Event()
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def die(self) -> None:
        """Every connection is ended, and nothing listens any more. A second call is no error."""
        self._dead.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(LIMIT)
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(LIMIT)

    def methods(self) -> list[str]:
        return [request[0] for request in self.requests]

    def pictures(self) -> int:
        """How many are here whole: their last packets are marked."""
        return sum(packet[1] >> 7 for _, packet in self.rtp)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                if self.tls:
                    connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                self._connections.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, EOFError):
            while True:
                first = self._read(connection, 1)
                if first == b"$":
                    channel, length = struct.unpack(">BH", self._read(connection, 3))
                    packet = self._read(connection, length)
                    if channel == 0:
                        self.rtp.append((time.time(), packet))
                    else:
                        self.rtcp.append(packet)
                else:
                    connection.sendall(self._answer(connection, first))

    def _answer(self, connection: socket.socket, begun: bytes) -> bytes:
        while not begun.endswith(b"\r\n\r\n"):
            begun += self._read(connection, 1)
        request, *lines = begun.decode().strip().split("\r\n")
        method, url, _ = request.split()
        headers = dict(line.split(": ", 1) for line in lines)
        body = self._read(connection, int(headers.get("Content-Length", "0"))).decode()
        self.requests.append((method, url, headers, body))
        status, extra = self.refusals.get(method, 200), ""
        if self.challenges and "Authorization" not in headers:
            status, extra = 401, "".join(f"WWW-Authenticate: {challenge}\r\n" for challenge in self.challenges)
        if method == "SETUP":
            extra += "Session: 17;timeout=2\r\n"
        return f"RTSP/1.0 {status} So\r\nCSeq: {headers['CSeq']}\r\n{extra}\r\n".encode()

    def _read(self, connection: socket.socket, length: int) -> bytes:
        data = b""
        while len(data) < length:
            part = connection.recv(min(length - len(data), 1400))
            if not part:
                raise EOFError
            data += part
            if self.rate:
                self._dead.wait(len(part) / self.rate)
        return data
