"""What there is to ask for over HTTP, and the door that every request goes through."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from aiohttp import hdrs, web

from lenswire.device.rendition import Plan, Published
from lenswire.device.snapshot import picture
from lenswire.device.web import wish
from lenswire.device.web.guard import Guard, Refusal
from lenswire.device.web.metrics import CONTENT_TYPE, Metrics
from lenswire.device.web.page import CONTENT_SECURITY_POLICY, PAGE
from lenswire.device.web.parts import about
from lenswire.errors import NoPicture
from lenswire.messages import Verb

if TYPE_CHECKING:
    from lenswire.device.web.server import Pipe, WebServer, WebSession

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SLOWLY = 1.0  # seconds that an answer to a wrong key takes
QUIET = 60.0  # seconds between two lines of the log about wrong keys
CHUNK = 96 << 10  # bytes of a picture written at once: aiohttp waits until they are taken
LATELY = 5.0  # seconds: a camera that should give frames gave one so lately
RETRY = {"STOPPED": 30, "FAULT": 2}  # seconds after which another try makes sense
# For our own page, and for whoever else comes by a picture of ours.
SAFE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def application(server: WebServer) -> web.Application:
    """All of it, for aiohttp."""
    guard = Guard(server.access.key, server.key_needed, server.local)
    alone = {} if guard.embeddable else {"Cross-Origin-Resource-Policy": "same-site"}
    server.more = "".join(f"{name}: {value}\r\n" for name, value in alone.items())
    door = Door(server, guard, {**SAFE, **alone})

    @web.middleware  # marks a function, so a method will not do
    async def opened(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await door.open(request, handler)

    app = web.Application(middlewares=[opened])
    app.on_response_prepare.append(door.sign)
    routes = Routes(server, door.codes)
    for path, handler in routes.seen.items():
        app.router.add_get(path, handler, allow_head=path in ("/status.json", "/metrics", "/healthz"))
    for path, handler in routes.obeyed.items():
        app.router.add_post(path, handler)
    return app


def session_of(request: web.Request) -> WebSession:
    return cast("Pipe", request.transport).session


class Door:
    """Lets in who may come in. Everybody else is told so, and nothing more."""

    def __init__(self, server: WebServer, guard: Guard, headers: dict[str, str]) -> None:
        self.codes: Counter[int] = Counter()
        self._guard, self._headers, self._now = guard, headers, server.now
        self._guesses, self._told = 0, -math.inf

    async def open(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.transport is None:
            raise ConnectionResetError
        session = session_of(request)
        session.begin_answer()
        try:
            response = await self._answer(request, session, handler)
        except web.HTTPException as error:  # no such page, or not by this method
            self.codes[error.status] += 1
            raise
        finally:
            session.end_answer()
        self.codes[response.status] += 1
        return response

    async def _answer(self, request: web.Request, session: WebSession, handler: Handler) -> web.StreamResponse:
        if refusal := self._guard.refusal(request.method, request.headers, session.secure):
            return await self._refuse(request, session, refusal)
        if request.body_exists:
            return closed(words(413, "no request here has a body"))
        try:
            return await handler(request)
        except wish.Wrong as error:
            return words(400, str(error))
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:  # the root of a request: a bug in one must not pass unseen
            log.exception("! %s: %s failed", session.peer, request.path)
            return closed(words(500, "this failed; the log says how"))

    async def _refuse(self, request: web.Request, session: WebSession, refusal: Refusal) -> web.StreamResponse:
        if refusal.wrong_key:
            self._note(session.peer)
            await asyncio.sleep(SLOWLY)
        if refusal.words:
            log.warning("! %s refused: %s", session.peer, refusal.words)
            return closed(words(refusal.status, refusal.words))
        response = web.Response(status=refusal.status)
        if refusal.status == 401:
            response.headers.extend([(hdrs.WWW_AUTHENTICATE, 'Basic realm="key"'), (hdrs.WWW_AUTHENTICATE, "Bearer")])
        elif refusal.status == 308:
            response.headers[hdrs.LOCATION] = f"https://{request.headers[hdrs.HOST]}/"
        return closed(response)

    def _note(self, peer: str) -> None:
        """Somebody tries keys: said at once, and then once a minute."""
        self._guesses += 1
        if (now := self._now() / 1e9) - self._told > QUIET:
            log.warning("! wrong key over HTTP, %d since this was last said, now from %s", self._guesses, peer)
            self._guesses, self._told = 0, now

    async def sign(self, request: web.Request, response: web.StreamResponse) -> None:
        """The headers of every answer."""
        response.headers.popall(hdrs.SERVER, None)
        if response.status not in (308, 401):
            for name, value in self._headers.items():
                response.headers.setdefault(name, value)


class Routes:
    def __init__(self, server: WebServer, codes: Counter[int]) -> None:
        self._server, self._device = server, server.device
        self._metrics = Metrics(server.name, server.status, server.device.counters, codes, server.now)
        self._last: tuple[Plan, Published] | None = None  # a snapshot may do for the next who asks
        self.seen: dict[str, Handler] = {
            "/": self.page,
            "/stream.mjpg": self.stream,
            "/snapshot.jpg": self.snapshot,
            "/status.json": self.status,
            "/metrics": self.metrics,
            "/healthz": self.health,
        }
        self.obeyed: dict[str, Handler] = {"/start": self.obey, "/stop": self.obey, "/snapshot": self.keep}

    # To see

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Our page; or what mjpg-streamer has at this address, as many programs ask for it."""
        match request.query.get("action"):
            case "stream":
                return await self.stream(request)
            case "snapshot":
                return await self.snapshot(request)
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return web.Response(body=PAGE, content_type="text/html", charset="utf-8", headers=headers)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        plan, session = wish.plan(request.query), session_of(request)
        if refusal := self._no_pictures() or self._full(session):
            return refusal
        await session.stream(plan)
        return web.Response()  # nobody is there any more

    async def snapshot(self, request: web.Request) -> web.StreamResponse:
        plan, session = wish.plan(request.query), session_of(request)
        oldest = self._server.now() - wish.max_age(request.query)
        if refusal := self._no_pictures():
            return refusal
        if self._last and self._last[0] == plan and self._last[1].captured >= oldest:
            return await self._send(request, self._last[1])
        if refusal := self._full(session):
            return refusal
        try:
            published = await picture(self._server.hub, plan, oldest)
        except NoPicture as error:
            return unavailable(str(error), 2)
        finally:
            self._server.release(session)
        self._last = plan, published
        return await self._send(request, published)

    async def status(self, request: web.Request) -> web.StreamResponse:
        told = {"device": self._server.name, **asdict(self._server.status())}
        return web.json_response(told, headers={"X-Clock": f"{self._server.now() / 1e9:.6f}"})

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=self._metrics.page(), headers={"Content-Type": CONTENT_TYPE})

    async def health(self, request: web.Request) -> web.StreamResponse:
        """Whether pictures can be had, or are not wanted."""
        status, newest = self._server.status(), self._device.counters().newest
        if status.state == "STOPPED":
            return words(200, f"stopped: {status.reason}")
        age = (self._server.now() - newest) / 1e9
        if status.state == "FAULT" or not newest or age > LATELY:
            lately = f"the newest frame is {age:.0f} s old" if newest else "no frame has come yet"
            return unavailable(status.reason if status.state == "FAULT" else lately, RETRY["FAULT"])
        return words(200, "frames come")

    # To command

    async def obey(self, request: web.Request) -> web.StreamResponse:
        by, verb = session_of(request).peer, Verb[request.path[1:].upper()]
        log.info("< %s: %s, over HTTP", by, verb.name)
        return web.json_response({"ok": True, "text": self._device.order(by, verb)})

    async def keep(self, request: web.Request) -> web.StreamResponse:
        by = session_of(request).peer
        log.info("< %s: SNAPSHOT, over HTTP", by)
        saved, text = await self._device.keep(by)
        return web.json_response({"ok": saved, "text": text}, status=200 if saved else 503)

    # Inside

    def _no_pictures(self) -> web.Response | None:
        status = self._server.status()
        if status.state not in RETRY:
            return None
        return unavailable(f"the camera is {status.state.lower()}: {status.reason}", RETRY[status.state])

    def _full(self, session: WebSession) -> web.Response | None:
        full = self._server.admit(session)
        return unavailable(full, 10) if full else None

    async def _send(self, request: web.Request, published: Published) -> web.StreamResponse:
        jpeg = published.jpeg
        response = web.StreamResponse(headers=about(published, self._server.now()))
        response.content_type, response.content_length = "image/jpeg", len(jpeg)
        await response.prepare(request)
        for begin in range(0, len(jpeg), CHUNK):
            await response.write(bytes(jpeg[begin : begin + CHUNK]))
        return response


def words(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")


def unavailable(text: str, retry: int) -> web.Response:
    response = words(503, text)
    response.headers[hdrs.RETRY_AFTER] = str(retry)
    return response


def closed(response: web.Response) -> web.Response:
    """It is the last on its connection."""
    response.force_close()
    return response
