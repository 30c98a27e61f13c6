"""Browsers and other programs on a port of their own: each connection is a session whose HTTP aiohttp speaks.

Pictures do not go through aiohttp: a session sends them on its channel as every viewer's does, so that no more of them
waits than may. TLS, limits and the count of viewers are the protocol's own as well.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl

from aiohttp import web

from lenswire.device.channel import Channel
from lenswire.device.rendition import Plan, Published
from lenswire.device.server import TLS_HANDSHAKE, Server
from lenswire.device.session import Session
from lenswire.device.web import Device
from lenswire.device.web.parts import HEAD, Parts
from lenswire.device.web.routes import application
from lenswire.messages import CloseCode

log = logging.getLogger(__name__)

LINE = 4096  # bytes of a request's first line, and of each header
HEADERS = 64 << 10  # bytes that one may send while it is owed an answer: no request has a body
SECOND = 1_000_000_000
IDLE_LIMIT = 10 * SECOND  # for a whole request to come, TLS included
ANSWER_LIMIT = 60 * SECOND  # for an answer that is no stream to be made and taken
STALL_LIMIT = 60 * SECOND  # for a viewer to take the rest of a picture
QUIET_LIMIT = 10 * SECOND  # a stream without pictures, because there is no camera, ends: who watches must notice

unheard = logging.getLogger(f"{__name__}.aiohttp")  # what strangers do wrong is not worth a traceback each
unheard.disabled = True


class WebServer(Server):
    """Shares hub, key, certificate and the places for viewers with the protocol's server."""

    def __init__(self, main: Server, device: Device, *, key_needed: bool, local: bool) -> None:
        super().__init__(main.name, main.access, main.hub, main.status, main.obey)
        self.device, self.key_needed, self.local = device, key_needed, local
        self.parts = Parts()
        self.more = ""  # headers of a stream's head
        self._main = main
        self._runner = web.AppRunner(
            application(self),
            access_log=None,
            logger=unheard,
            max_line_size=LINE,
            max_field_size=LINE,
            tcp_keepalive=False,
            lingering_time=0,
            auto_decompress=False,
            shutdown_timeout=0.1,
        )
        self._ready = asyncio.ensure_future(self._runner.setup())

    async def stop(self, reason: str) -> None:
        """Tell who watches, and end."""
        self.close(reason)
        await self._ready
        await self._runner.cleanup()

    def admit(self, session: Session) -> str:
        return self._main.admit(session)

    def forget(self, session: Session) -> None:
        self.sessions.discard(session)
        self._main.forget(session)

    def release(self, session: Session) -> None:
        """The session stays, but watches no more."""
        self._main.forget(session)

    def tell(self) -> None:
        """Nobody here is told of changes: they ask."""

    def _begin(self, sock: socket.socket, peer: str, first: bytes) -> None:
        factory = self._runner.server
        if factory is None:  # not begun yet, or ended
            sock.close()
            return
        if first.startswith(TLS_HANDSHAKE):
            sock = self.access.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        session = WebSession(self, peer, isinstance(sock, ssl.SSLSocket))
        self.sessions.add(session)
        session.channel = Channel(self._loop, sock, session)
        session.speak(factory())


class WebSession(Session):
    """A connection: requests one after another, or one stream until its end."""

    def __init__(self, server: WebServer, peer: str, secure: bool) -> None:
        super().__init__(server, peer)
        self.secure = secure
        self.heard = False  # a request was understood; before that, nothing is answered
        self._web = server
        self._over = asyncio.get_running_loop().create_future()
        self._asked = 0  # since when a request is worked on; 0: none is
        self._moved = self.began  # when something last went well
        self._unread = 0

    def speak(self, http: asyncio.Protocol) -> None:
        self._http = http
        self._pipe = Pipe(self, http)
        http.connection_made(self._pipe)

    # A request

    def begin_answer(self) -> None:
        self.heard, self._asked, self._unread = True, self._server.now(), 0

    def end_answer(self) -> None:
        self._asked, self._moved = 0, self._server.now()

    async def stream(self, plan: Plan) -> None:
        """Send pictures until the connection ends."""
        log.info("= %s came, over HTTP: %s", self.peer, plan)
        self._moved = self._server.now()
        self.channel.send(HEAD.format(more=self._web.more).encode())
        self._watch(plan)
        await self._over

    def offer(self, published: Published) -> bool:
        now = self._server.now()
        left = self._send(published, self._web.parts.part(published, now))
        if left is not None:
            self._moved = now
        return left == 0

    # The channel's owner

    def received(self, data: bytes) -> None:
        self._unread += len(data)
        if self._watching or self._unread > HEADERS:
            if not self._watching:
                self.channel.abort("too much was said")
            return
        self._http.data_received(data)

    def writable(self) -> None:
        self._moved = self._server.now()
        self._pipe.resume()
        super().writable()

    def ended(self, reason: str) -> None:
        if self._watching:
            super().ended(reason)
        else:
            self._server.forget(self)
        self._http.connection_lost(None)
        if not self._over.done():
            self._over.set_result(None)

    # The server's session

    def check(self, now: int) -> None:
        waited = now - self._moved
        if self._watching:
            if self.channel.busy and waited > STALL_LIMIT:
                self.channel.abort("it has taken nothing for a minute")
            elif waited > QUIET_LIMIT and (status := self._server.status()).state in ("STOPPED", "FAULT"):
                self.channel.abort(f"there are no pictures: {status.reason}")
        elif self._asked:
            if now - self._asked > ANSWER_LIMIT:
                self.channel.abort("")
        elif waited > IDLE_LIMIT:
            self.channel.abort("")

    def close(self, code: CloseCode, reason: str) -> None:
        self.channel.close()


class Pipe(asyncio.Transport):
    """A session's channel, as aiohttp expects a connection to be."""

    def __init__(self, session: WebSession, http: asyncio.Protocol) -> None:
        super().__init__({"peername": (session.peer, 0), "sslcontext": session.secure or None})
        self.session = session
        self._http = http
        self._paused = self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.session.heard:
            self.abort()  # aiohttp would tell who does not speak HTTP what it is
            return
        self.session.channel.send(bytes(data))
        if self.session.channel.busy and not self._paused:
            self._paused = True
            self._http.pause_writing()

    def resume(self) -> None:
        """What was written has been taken."""
        if self._paused:
            self._paused = False
            self._http.resume_writing()

    def pause_reading(self) -> None:
        self.abort()  # more requests at once, or a longer one, than anybody has reason for

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True
        self.session.channel.close()

    def abort(self) -> None:
        self._closing = True
        self.session.channel.abort("")
