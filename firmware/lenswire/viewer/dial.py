"""Opening a socket to a device: every address of its host, then TLS with the one certificate that we accept."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import os
import socket
import ssl
import time
from collections import deque
from typing import Any

from lenswire.errors import ConnectError, Refused
from lenswire.link import Target
from lenswire.messages import CloseCode
from lenswire.viewer.waiting import READ, WRITE, Waiting

# A host often has an IPv6 and an IPv4 address of which one leads nowhere. The next is tried this long after the one
# before, and the first to answer is taken (RFC 8305 recommends 250 ms).
STAGGER = 250_000_000  # ns

_WORDS = {
    errno.ECONNREFUSED: "nothing listens there; is the service running on the device?",
    errno.ETIMEDOUT: "no answer; is the device on, and on this network?",
}


def dial(target: Target, waiting: Waiting, connect_limit: float, tls_limit: float) -> socket.socket:
    """A connected, non-blocking socket; limits in seconds.

    Raises ConnectError, in words; Refused if the certificate is not the target's; Stopped if `waiting` is.
    """
    sock = first_to_answer(_addresses(target), waiting, _deadline(connect_limit), target.label)
    try:
        # Credits and pings are small and must not wait for one another. No keepalive: our own pings tell more. The
        # receive buffer is left to the kernel: credit bounds what can be in it, and a small one would cap the rate.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _secured(target, sock, waiting, _deadline(tls_limit)) if target.fingerprint else sock
    except BaseException:
        sock.close()
        raise


def first_to_answer(addresses: deque[tuple[Any, ...]], waiting: Waiting, deadline: int, label: str) -> socket.socket:
    """Of addresses as getaddrinfo gives them, a socket to the first that accepts. Raises ConnectError, in words."""
    trying: list[socket.socket] = []
    failure = 0
    try:
        while (addresses or trying) and (now := time.monotonic_ns()) < deadline:
            if addresses:
                try:
                    trying.append(_begin(addresses.popleft(), waiting))
                except OSError as error:  # no route, no IPv6 here
                    failure = error.errno or 0
            for sock in waiting.wait(min(now + STAGGER, deadline) if addresses else deadline):
                trying.remove(sock)
                waiting.detach(sock)
                failure = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not failure:
                    return sock
                sock.close()
        failure = errno.ETIMEDOUT if trying else failure
    finally:
        for sock in trying:
            waiting.detach(sock)
            sock.close()
    raise ConnectError(f"cannot connect to {label}: {_WORDS.get(failure) or os.strerror(failure).lower()}")


def _addresses(target: Target) -> deque[tuple[Any, ...]]:
    try:
        return deque(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
    except (socket.gaierror, UnicodeError):
        raise ConnectError(f"cannot connect to {target.label}: no host named {target.host!r} was found") from None


def _begin(info: tuple[Any, ...], waiting: Waiting) -> socket.socket:
    family, kind, protocol, _, address = info
    sock = socket.socket(family, kind, protocol)
    sock.setblocking(False)
    try:
        with contextlib.suppress(BlockingIOError):
            sock.connect(address)
    except OSError:
        sock.close()
        raise
    waiting.attach(sock, WRITE)
    return sock


def _secured(target: Target, sock: socket.socket, waiting: Waiting, deadline: int) -> ssl.SSLSocket:
    """TLS over the socket. Nothing of ours is sent before the certificate has been compared."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # The device signs its own certificate; what vouches for it is the fingerprint, and it says more than a host name.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    secured = context.wrap_socket(sock, do_handshake_on_connect=False)
    try:
        _shake_hands(target, secured, waiting, deadline)
        _check_certificate(target, secured.getpeercert(binary_form=True) or b"")
    except BaseException:
        secured.close()
        raise
    return secured


def _shake_hands(target: Target, sock: ssl.SSLSocket, waiting: Waiting, deadline: int) -> None:
    while time.monotonic_ns() < deadline:
        try:
            sock.do_handshake()
            return
        except ssl.SSLWantReadError:
            _wait_for(sock, READ, waiting, deadline)
        except ssl.SSLWantWriteError:
            _wait_for(sock, WRITE, waiting, deadline)
        except OSError as error:  # SSLError is one
            why = getattr(error, "reason", None) or error.strerror or "the connection was closed"
            raise ConnectError(f"no TLS 1.3 with {target.label}: {str(why).lower().replace('_', ' ')}") from None
    raise ConnectError(f"no TLS 1.3 with {target.label}: it connects, but then says nothing")


def _wait_for(sock: socket.socket, events: int, waiting: Waiting, deadline: int) -> None:
    waiting.attach(sock, events)
    try:
        waiting.wait(deadline)
    finally:
        waiting.detach(sock)


def _check_certificate(target: Target, certificate: bytes) -> None:
    if not hmac.compare_digest(hashlib.sha256(certificate).digest(), target.fingerprint):
        raise Refused(
            f"wrong fingerprint: what answers at {target.address} is not the device that the link was made for, or it "
            "has been set up anew; it was told nothing (run 'lenswire pair' on the device for its link)",
            CloseCode.KEY,
        )


def _deadline(seconds: float) -> int:
    return time.monotonic_ns() + int(seconds * 1e9)
