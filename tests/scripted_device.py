"""A device that does as the test says: real sockets on loopback and the real protocol, without a camera."""

from __future__ import annotations

import contextlib
import datetime
import functools
import hashlib
import os
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from lenswire.ends import DeviceConnection
from lenswire.errors import ProtocolError
from lenswire.link import Target
from lenswire.messages import VERSIONS, Close, Command, Frame, Message, Result, Status, Verb, Watch, Welcome
from lenswire.protocol import State

LIMIT = 10.0  # seconds for anything to happen on a busy machine
GLANCE = 0.005
KEY = bytes(range(32))


class Identity(NamedTuple):
    context: ssl.SSLContext
    fingerprint: bytes


@functools.cache
def identity(number: int = 1) -> Identity:
    """A certificate signed by itself, and the server side of TLS 1.3 with it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"scripted {number}")])
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), number, begin, begin + datetime.timedelta(days=36500))
    ).sign(key, hashes.SHA256())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "identity.pem")
        file.write_bytes(private + certificate.public_bytes(pem))
        context.load_cert_chain(file)
    return Identity(context, hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest())


@functools.cache
def picture() -> bytes:
    """A JPEG of 64 x 48 pixels, blue."""
    import numpy as np
    import simplejpeg

    return bytes(simplejpeg.encode_jpeg(np.full((48, 64, 3), (255, 0, 0), np.uint8), colorspace="BGR"))


@dataclass
class ScriptedDevice:
    """Use it in a with-statement. What may change while it runs: silent, refusal, status, obeys, padding, rate."""

    tls: bool = False
    key: bytes = b""
    versions: tuple[int, int] = VERSIONS
    fps: float = 50.0
    padding: int = 0  # bytes of JPEG on top of the picture's own
    rate: float = 0.0  # bytes per second of the link; 0: as loopback
    silent: bool = False  # hears and says nothing, as if the cable had been cut
    refusal: Close | None = None  # to every viewer, instead of a status
    answers: bool = True
    status: Status = field(default_factory=lambda: Status("STREAMING", camera="scripted", encoder="none"))
    obeys: bool = True
    heard: list[Message] = field(default_factory=list)
    grants: int = 0  # of credit
    accepted: int = 0
    reads: int = 0

    def __post_init__(self) -> None:
        self.port = 0
        self._threads: list[threading.Thread] = []

    @property
    def target(self) -> Target:
        fingerprint = identity().fingerprint if self.tls else b""
        return Target("127.0.0.1", self.port, fingerprint, self.key if self.tls else b"")

    def live(self) -> Self:
        """Listen; again on the same port, after die()."""
        self._dead = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listener.settimeout(GLANCE)
        self.port = self._listener.getsockname()[1]
        self._run(self._accept)
        return self

    def die(self) -> None:
        """As if killed: every connection is reset, and nothing listens any more."""
        self._dead.set()
        while self._threads:
            self._threads.pop().join()
        self._listener.close()

    def __enter__(self) -> Self:
        return self.live()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.die()

    def _run(self, task: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=task, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._dead.is_set():
            try:
                sock, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.accepted += 1
            self._run(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            while self.silent and not self._dead.is_set():
                time.sleep(GLANCE)
            if self.tls:
                sock.settimeout(LIMIT)
                sock = identity().context.wrap_socket(sock, server_side=True)
            sock.settimeout(GLANCE)
            viewer = _Viewer(self, sock)
            while not self._dead.is_set() and not viewer.connection.closed:
                viewer.turn()
        except (OSError, ProtocolError):
            pass
        finally:
            with contextlib.suppress(OSError):  # TLS has taken the socket over, and failed
                if self._dead.is_set():  # closing resets the connection
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()


class _Viewer:
    """One connection, from the device's side."""

    def __init__(self, device: ScriptedDevice, sock: socket.socket) -> None:
        self._device, self._socket = device, sock
        self.connection = DeviceConnection(
            "scripted",
            os.urandom(32),
            key=device.key or None,
            fingerprint=identity().fingerprint if device.tls else b"",
            key_needed=bool(device.key),
            versions=device.versions,
        )
        self._watch: Watch | None = None
        self._rendition = self._sent = 0
        self._told: Status | None = None

    def turn(self) -> None:
        if self._device.silent:
            time.sleep(GLANCE)
            return
        try:
            data = self._socket.recv(1 << 16)
        except TimeoutError:
            data = None
        if data == b"":
            raise ConnectionResetError
        self._device.reads += data is not None
        credit = self.connection.credit
        try:
            self.connection.receive_data(data or b"", time.monotonic_ns())
        finally:
            self._device.grants += self.connection.credit > credit
            for message in self.connection.events():
                self._handle(message)
            self._tell()
            self._send(self.connection.data_to_send())

    def _handle(self, message: Message) -> None:
        device = self._device
        device.heard.append(message)
        match message:
            case Welcome() if device.refusal:
                self.connection.close(device.refusal.code, device.refusal.reason)  # type: ignore[arg-type]
            case Watch():
                self._watch = message
                self._rendition += 1
            case Command(number, verb) if device.answers:
                if device.obeys and verb in (Verb.START, Verb.STOP):
                    device.status = Status("STREAMING" if verb is Verb.START else "STOPPED")
                self.connection.send(
                    Result(number, device.obeys, f"{verb.name} {'done' if device.obeys else 'denied'}")
                )

    def _tell(self) -> None:
        device, connection = self._device, self.connection
        if connection.state is not State.OPEN:
            return
        if self._told is not device.status:
            self._told = device.status
            connection.send(device.status)
        now = time.monotonic()
        due = int(now * device.fps)
        if self._watch and connection.credit and due != self._sent and device.status.state == "STREAMING":
            self._sent = due
            size = self._watch.width or 64, self._watch.height or 48
            captured = int(due / device.fps * 1e9)
            jpeg = picture() + bytes(device.padding)
            connection.send(Frame(due & 0xFFFFFFFF, captured, self._rendition, *size, 0, 0, jpeg))
            connection.frame_sent()

    def _send(self, data: bytes) -> None:
        self._socket.settimeout(LIMIT)
        for begin in range(0, len(data), 4096):
            part = data[begin : begin + 4096]
            if self._device.rate:
                time.sleep(len(part) / self._device.rate)
            self._socket.sendall(part)
        self._socket.settimeout(GLANCE)
