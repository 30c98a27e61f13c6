"""Publishing at an RTSP server: how it is asked, what it may say, and that nothing waits in front of it."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import itertools
import re
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from scripted_rtsp import ScriptedRtsp

from eventually import until
from lenswire.errors import ConnectError, LinkError
from lenswire.viewer import rtsp
from lenswire.viewer.rtp_jpeg import PACKET, Picture, parse
from lenswire.viewer.rtsp import Destination, Publisher, authorization, parse_destination

MUFASA = Destination("rtsp", "h", 554, "/porch", "Mufasa", "CircleOfLife")  # of RFC 2069, with its erratum


def picture(side: int = 64) -> Picture:
    noise = np.random.default_rng(7).integers(0, 255, (side, side, 3), np.uint8)
    return parse(bytes(simplejpeg.encode_jpeg(noise, 85, "RGB", "420")))


def parts(scan: memoryview) -> list[bytes]:
    """As it goes into packets: the tables are in front of the first part."""
    bounds = [0, *range(PACKET - 152, len(scan), PACKET - 20), len(scan)]
    return [bytes(scan[begin:end]) for begin, end in itertools.pairwise(bounds)]


@pytest.fixture
def server() -> Iterator[ScriptedRtsp]:
    with ScriptedRtsp() as server:
        yield server


def publisher(server: ScriptedRtsp, secret: str = "") -> Publisher:
    return Publisher(parse_destination(f"rtsp://{secret}127.0.0.1:{server.port}/a%20b"), "the\r\nporch")


# Where


@pytest.mark.parametrize(
    ("text", "name", "url"),
    [
        ("rtsp://media/", "lab bench", "rtsp://media/lab%20bench"),
        ("rtsp://me:pass@media:8554/", "porch", "rtsp://media:8554/porch"),
        (" rtsps://[fe80::1]/yard\n", "", "rtsps://[fe80::1]/yard"),
        ("rtsp://media", "", "rtsp://media/"),
    ],
)
def test_where_is_read(text: str, name: str, url: str) -> None:
    assert parse_destination(text, name).url == url


def test_user_and_password_may_hold_any_character() -> None:
    found = parse_destination("rtsp://me%40home:p%3Aw%2F@media/")
    assert (found.user, found.password) == ("me@home", "p:w/")
    assert "w" not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        *("", "media", "http://me:hush@media/", "rtsp://", "rtsp:///x", "rtsp://me:hush@media:port/", "rtsp://m/a b"),
        *("rtsp://me:hu/sh@media/", "rtsp://media/me:hush@", "rtsp://media/#hush", "rtsp://media/?hush", "rtsp://[m/"),
    ],
)
def test_what_cannot_be_read_is_not_repeated(text: str) -> None:
    with pytest.raises(LinkError, match=r"expected rtsp://\[USER:PASSWORD@\]HOST") as caught:
        parse_destination(text)
    assert "sh" not in str(caught.value).removeprefix("where to publish")


# How


def test_a_stream_is_announced_set_up_recorded_and_ended(server: ScriptedRtsp) -> None:
    with publisher(server) as stream:
        stream.open()
        stream.send(picture(), 5, 1.0)
        stream.wait_for_room()
        until(server.pictures, "the picture")
    until(lambda: "TEARDOWN" in server.methods(), "the end")
    assert server.methods() == ["ANNOUNCE", "SETUP", "RECORD", "TEARDOWN"]
    (_, url, headers, body), (_, track, setup, _), (_, _, record, _), _ = server.requests
    assert (url, track) == (f"rtsp://127.0.0.1:{server.port}/a%20b", f"{url}/streamid=0")
    assert headers["Content-Type"] == "application/sdp"
    assert {"s=theporch", "m=video 0 RTP/AVP 26", "a=rtpmap:26 JPEG/90000"} <= set(body.split("\r\n"))
    assert setup["Transport"] == "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"
    assert "Session" not in setup and record["Session"] == "17"
    assert [packet[20 if number else 152 :] for number, (_, packet) in enumerate(server.rtp)] == parts(picture().scan)
    assert struct.unpack_from(">BB", server.rtcp[0]) == (128, 200)


def test_the_session_is_kept_alive(server: ScriptedRtsp, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(rtsp.time, "monotonic", lambda: now)
    with publisher(server) as stream:
        stream.open()
        for step in range(5):
            now = step * 0.6  # of the two seconds that the scripted server gives
            stream.send(picture(), step, 1.0)
            stream.wait_for_room()
        until(lambda: server.pictures() == 5, "five pictures")
    assert server.methods().count("OPTIONS") == 2


# Over TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "media")])
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + datetime.timedelta(days=36500))
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    for extension, critical in (
        (x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False),
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (identifier, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    ):
        builder = builder.add_extension(extension, critical)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "media.pem"
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(pem))
    return path


def test_over_tls_only_to_who_is_trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ScriptedRtsp(tls=context) as server:
        to = parse_destination(f"rtsps://me:hush@127.0.0.1:{server.port}/porch")
        with pytest.raises(ConnectError, match=r"its certificate is not trusted: self.signed certificate"):
            Publisher(to, "porch")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with Publisher(to, "porch") as stream:
            stream.open()
            for time in range(20):
                stream.send(picture(640), time, 1.0)
                stream.wait_for_room()
            until(lambda: server.pictures() == 20, "all pictures")
            server.die()
            with pytest.raises(ConnectError, match=r"ended|reset|pipe"):
                while True:
                    stream.send(picture(), 0, 1.0)
                    stream.wait_for_room()


# With a password


def test_digest_is_the_one_of_the_rfc() -> None:
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc"'
    told = authorization(challenge, "GET", "/dir/index.html", MUFASA)
    assert 'response="1949323746fe6a43ef61f9606e7febea", opaque="5ccc", algorithm=MD5' in told
    newer = authorization(f"{challenge}, algorithm=SHA-256", "GET", "/dir/index.html", MUFASA)
    response = re.search(r'response="(\w{64})", .* algorithm=SHA-256$', newer)
    assert response


@pytest.mark.parametrize(
    ("challenges", "begins"),
    [
        (('Digest realm="r", nonce="n"',), 'Digest username="me"'),
        (('Basic realm="r"', 'Digest realm="r", nonce="n"', 'Basic realm="r"'), 'Digest username="me"'),
        (('Basic realm="r"',), "Basic bWU6aHVzaA=="),
    ],
)
def test_a_password_is_shown_when_it_is_asked_for(
    server: ScriptedRtsp, challenges: tuple[str, ...], begins: str
) -> None:
    server.challenges = challenges
    with publisher(server, "me:hush@") as stream:
        stream.open()
    assert server.methods()[:4] == ["ANNOUNCE", "ANNOUNCE", "SETUP", "RECORD"]
    assert "Authorization" not in server.requests[0][2]
    assert all(request[2]["Authorization"].startswith(begins) for request in server.requests[1:])
    assert not any("hush" in url for _, url, _, _ in server.requests)


# What may go wrong


@pytest.mark.parametrize(
    ("method", "status", "words"),
    [
        ("ANNOUNCE", 401, "wants a user and a password, or others than it was shown"),
        ("ANNOUNCE", 404, "has no such path"),
        ("SETUP", 461, "does not take RTP over TCP"),
        ("RECORD", 599, "it answers 599"),
    ],
)
def test_a_refusal_is_told_in_words(server: ScriptedRtsp, method: str, status: int, words: str) -> None:
    server.refusals[method] = status
    with publisher(server, "me:hush@") as stream, pytest.raises(ConnectError, match=words) as caught:
        stream.open()
    assert "hush" not in str(caught.value)
    assert method in str(caught.value)


@pytest.mark.parametrize("host", ["porch..example", "x" * 70])
def test_a_host_that_cannot_be_is_told(host: str) -> None:
    with pytest.raises(ConnectError, match=f"cannot connect to rtsp://{host}/: no host of this name was found"):
        Publisher(parse_destination(f"rtsp://me:hush@{host}/"), "porch")


def test_a_server_that_ends_is_told(server: ScriptedRtsp) -> None:
    with publisher(server) as stream:
        stream.open()
        server.die()
        with pytest.raises(ConnectError, match=r"it ended the connection|reset by peer|broken pipe"):
            while True:
                stream.send(picture(), 0, 1.0)
                stream.wait_for_room()
    with pytest.raises(ConnectError, match="nothing listens there"):
        publisher(server)


@pytest.mark.parametrize(("scheme", "words"), [("rtsp", "it does not speak RTSP"), ("rtsps", "TLS failed: ")])
def test_a_server_that_speaks_something_else_is_told(scheme: str, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            with listener.accept()[0] as connection, contextlib.suppress(ConnectionError):  # a reset
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
                connection.recv(1000)

        speaking = threading.Thread(target=speak)
        speaking.start()
        to = parse_destination(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/")
        with pytest.raises(ConnectError, match=words), Publisher(to, "porch") as stream:
            stream.open()
        speaking.join()


def test_a_server_that_takes_nothing_is_told(server: ScriptedRtsp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtsp, "LIMIT", 0.2)
    with publisher(server) as stream:
        stream.open()
        server.rate = 1.0
        with pytest.raises(ConnectError, match="it took nothing for"):
            while True:
                stream.send(picture(640), 0, 1.0)
                stream.wait_for_room()
