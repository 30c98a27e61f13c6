"""Publishing one stream of JPEG to an RTSP server (RFC 2326): ANNOUNCE, SETUP, RECORD, and RTP in the same connection.

The sending socket is a queue, and so is what lies between here and the server. Both are kept short: a picture is begun
only when the one before has left, and little may be on its way unanswered.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import secrets
import selectors
import socket
import ssl
import struct
import time
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult, quote, unquote, urlsplit
from urllib.request import parse_http_list, parse_keqv_list

from lenswire.errors import ConnectError, LinkError
from lenswire.viewer.rtp_jpeg import CLOCK, PAYLOAD_TYPE, Picture, packets, report

PORTS = {"rtsp": 554, "rtsps": 322}
LIMIT = 10.0  # seconds for the server to answer, or to take a picture
# Bytes on their way that the kernel may keep, of which it calls about half its own: 10 Mbit/s bring that in 0.1 s, and
# over a round trip of 10 ms it lets 100 Mbit/s through.
SEND_BUFFER = 256 << 10
NOTSENT_LOWAT = 16 << 10  # as on the device
REPORTS = 5.0  # seconds between two
ENDING = 1.0  # seconds for the server to say good-bye
LONGEST = 64 << 10  # bytes of an answer


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to publish."""

    scheme: str
    host: str
    port: int
    path: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """Without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def parse_destination(text: str, name: str = "") -> Destination:
    """What a person gave as the server's URL; a name goes after its last slash. Raises LinkError without secrets."""
    text = text.strip()
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError:  # its own words may hold the password
        split, port = SplitResult("", "", "", "", ""), None
    if split.scheme not in PORTS or not split.hostname or re.search(r"[\x00-\x20?#]|/.*@", text.partition("//")[2]):
        raise LinkError("where to publish: expected rtsp://[USER:PASSWORD@]HOST[:PORT]/[PATH], or rtsps://...")
    path = (split.path or "/") + quote(name, safe="")
    user, password = unquote(split.username or ""), unquote(split.password or "")
    return Destination(split.scheme, split.hostname, port or PORTS[split.scheme], path, user, password)


class Publisher:
    """One stream at the server. Every method raises ConnectError, in words, and then there is nothing but close()."""

    def __init__(self, destination: Destination, title: str) -> None:
        self._to, self._title = destination, title
        self._requests, self._session, self._keep_alive = 0, "", 30.0
        self._challenge = ""
        self._source, self._sequence, self._sent, self._octets = secrets.randbits(32), secrets.randbits(16), 0, 0
        self._reported = self._spoke = 0.0
        self._socket = self._connect()
        self._answers = self._socket.makefile("rb")
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_WRITE)
        self._whole = True  # what was begun has been sent to its end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Begin to publish."""
        url = self._to.url
        self._ask("ANNOUNCE", url, {"Content-Type": "application/sdp"}, self._description())
        transport = "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"
        said = self._ask("SETUP", f"{url}/streamid=0", {"Transport": transport})
        self._session, *options = said.get("session", "").split(";")
        for option in options:
            name, _, seconds = option.strip().partition("=")
            if name == "timeout" and seconds.isdecimal():
                self._keep_alive = max(int(seconds) / 2, 1.0)
        self._ask("RECORD", url, {"Range": "npt=0.000-"})
        self._spoke = time.monotonic()

    def wait_for_room(self) -> None:
        """Until the picture before has left, or nearly."""
        if not self._selector.select(LIMIT):
            raise ConnectError(f"{self._to.url}: it took nothing for {LIMIT:.0f} s")
        self._hear()

    def send(self, picture: Picture, timestamp: int, wall: float) -> None:
        """Send a picture: its time in RTP, and on the wall (seconds since 1970)."""
        now, burst = time.monotonic(), []
        if now - self._spoke > self._keep_alive:
            self._spoke = now
            burst.append(self._request("OPTIONS", self._to.url, {}, ""))
        for packet in packets(picture, self._sequence, timestamp, self._source):
            burst += (struct.pack(">BBH", 0x24, 0, len(packet)), packet)
            self._sequence, self._sent, self._octets = self._sequence + 1, self._sent + 1, self._octets + len(packet)
        if now - self._reported > REPORTS:
            self._reported = now
            told = report(self._source, timestamp, wall, self._sent, self._octets - 12 * self._sent)
            burst += (struct.pack(">BBH", 0x24, 1, len(told)), told)
        self._write(b"".join(burst))

    def close(self) -> None:
        """End the stream at the server, if there still is one. A second call is no error."""
        with contextlib.suppress(OSError):
            if self._session and self._whole:
                self._socket.settimeout(ENDING)
                self._socket.sendall(self._request("TEARDOWN", self._to.url, {}, ""))
                self._socket.shutdown(socket.SHUT_WR)
                while self._socket.recv(LONGEST):
                    pass
        self._session = ""
        self._selector.close()
        self._answers.close()
        self._socket.close()

    def abort(self) -> None:
        """End whatever is going on, from another thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    # Inside

    def _connect(self) -> socket.socket:
        to = self._to
        with contextlib.ExitStack() as undo:
            try:
                sock = undo.enter_context(socket.create_connection((to.host, to.port), LIMIT))
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
                if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # not on Windows
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_LOWAT)
                if to.scheme == "rtsps":
                    sock = ssl.create_default_context().wrap_socket(sock, server_hostname=to.host)
            except (OSError, UnicodeError) as error:
                raise ConnectError(f"cannot connect to {to.url}: {_words(error)}") from None
            undo.pop_all()
        return sock

    def _description(self) -> str:
        title = "".join(c for c in self._title if c.isprintable()) or "-"
        lines = ["v=0", f"o=- {secrets.randbits(31)} 1 IN IP4 0.0.0.0", f"s={title}", "c=IN IP4 0.0.0.0", "t=0 0"]
        lines += [f"m=video 0 RTP/AVP {PAYLOAD_TYPE}", f"a=rtpmap:{PAYLOAD_TYPE} JPEG/{CLOCK}", "a=control:streamid=0"]
        return "\r\n".join([*lines, ""])

    def _ask(self, method: str, url: str, headers: dict[str, str], body: str = "") -> dict[str, str]:
        """The headers of the answer, which must be yes."""
        self._write(self._request(method, url, headers, body))
        status, said = self._answer()
        if status == 401 and self._to.user and not self._challenge and "www-authenticate" in said:
            self._challenge = said["www-authenticate"]
            return self._ask(method, url, headers, body)
        if status != 200:
            raise ConnectError(f"{self._to.url}: {_REFUSALS.get(status, f'it answers {status}')} ({method})")
        return said

    def _request(self, method: str, url: str, headers: dict[str, str], body: str) -> bytes:
        self._requests += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._requests}", "User-Agent: lenswire"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if self._session:
            lines.append(f"Session: {self._session}")
        if self._challenge:
            lines.append(f"Authorization: {authorization(self._challenge, method, url, self._to)}")
        if body:
            lines.append(f"Content-Length: {len(body.encode())}")
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def _answer(self) -> tuple[int, dict[str, str]]:
        try:
            first = self._answers.readline(LONGEST).split(maxsplit=2)
            said: dict[str, str] = {}
            while line := self._answers.readline(LONGEST).strip():
                name, _, value = line.decode(errors="replace").partition(":")
                name, value = name.lower(), value.strip()
                if name != "www-authenticate" or value.lower().startswith("digest") or name not in said:
                    said[name] = value
            self._answers.read(min(int(said.get("content-length", "0")), LONGEST))
        except (OSError, ValueError) as error:
            raise ConnectError(f"{self._to.url}: {_words(error)}") from None
        if len(first) < 2 or not first[0].startswith(b"RTSP/") or not first[1].isdigit():
            raise ConnectError(f"{self._to.url}: {'it does not speak RTSP' if first else 'it ended the connection'}")
        return int(first[1]), said

    def _write(self, data: bytes) -> None:
        self._whole = False
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise ConnectError(f"{self._to.url}: it took nothing for {LIMIT:.0f} s") from None
        except OSError as error:
            raise ConnectError(f"{self._to.url}: {_words(error)}") from None
        self._whole = True

    def _hear(self) -> None:
        """Take what the server says while we publish, which is nothing that we need, but for the end."""
        self._socket.settimeout(0)
        try:
            while self._socket.recv(LONGEST):
                pass
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError as error:
            raise ConnectError(f"{self._to.url}: {_words(error)}") from None
        finally:
            self._socket.settimeout(LIMIT)
        raise ConnectError(f"{self._to.url}: it ended the connection")


def authorization(challenge: str, method: str, url: str, to: Destination) -> str:
    """An answer to WWW-Authenticate: Digest (RFC 7616, without qop, as RTSP has it), or Basic."""
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() != "digest":
        return f"Basic {base64.b64encode(f'{to.user}:{to.password}'.encode()).decode()}"
    asked = {name.lower(): value for name, value in parse_keqv_list(parse_http_list(rest)).items()}
    algorithm = asked.get("algorithm", "MD5")

    def digest(text: str) -> str:
        kind = "sha256" if algorithm.upper() == "SHA-256" else "md5"
        return hashlib.new(kind, text.encode(), usedforsecurity=False).hexdigest()

    realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
    response = digest(f"{digest(f'{to.user}:{realm}:{to.password}')}:{nonce}:{digest(f'{method}:{url}')}")
    values = {"username": to.user, "realm": realm, "nonce": nonce, "uri": url, "response": response}
    values |= {"opaque": asked["opaque"]} if "opaque" in asked else {}
    told = ", ".join(f'{name}="{value}"' for name, value in values.items())
    return f"Digest {told}, algorithm={algorithm}"


_REFUSALS = {
    400: "it does not understand the request",
    401: "it wants a user and a password, or others than it was shown",
    403: "it does not allow to publish there",
    404: "it has no such path",
    405: "it does not accept streams that are published to it",
    461: "it does not take RTP over TCP",
}


def _words(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, (socket.gaierror, UnicodeError)):  # a label is empty or too long
        return "no host of this name was found"
    if isinstance(error, TimeoutError):
        return f"no answer within {LIMIT:.0f} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message.lower()}"
    if isinstance(error, ssl.SSLError):  # its numbers are not the system's
        return f"TLS failed: {(error.reason or 'it ended the connection').replace('_', ' ').lower()}"
    return os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else "not an answer of RTSP"
