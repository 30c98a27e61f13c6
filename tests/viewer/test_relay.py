"""The relay: where each camera goes, its times, and what becomes of it when one side goes away."""

from __future__ import annotations

import contextlib
import itertools
import struct
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import simplejpeg
from scripted_rtsp import ScriptedRtsp

from eventually import until
from lenswire.errors import LinkError
from lenswire.link import Target
from lenswire.messages import Frame, Status, Watch
from lenswire.viewer import relay
from lenswire.viewer.reception import Received
from lenswire.viewer.relay import Relay, Timeline, destinations
from lenswire.viewer.rtsp import parse_destination
from scripted_device import ScriptedDevice

SECOND = 1_000_000_000
PORCH, YARD = Target("pi1", name="porch"), Target("pi2", name="yard")

# Where


@pytest.mark.parametrize(
    ("targets", "url", "expected"),
    [
        ([PORCH], "rtsp://media/a/b", ["rtsp://media/a/b"]),
        ([PORCH], "rtsp://media/a/", ["rtsp://media/a/porch"]),
        ([PORCH], "rtsp://media", ["rtsp://media/porch"]),
        ([PORCH, YARD], "rtsp://media/a\n", ["rtsp://media/a/porch", "rtsp://media/a/yard"]),
        ([Target("fe80::1", 9), YARD], "rtsp://m/", ["rtsp://m/fe80%3A%3A1", "rtsp://m/yard"]),
    ],
)
def test_each_camera_has_its_path(targets: list[Target], url: str, expected: list[str]) -> None:
    assert [(target, at.url) for target, at in destinations(targets, url)] == list(zip(targets, expected, strict=True))


def test_no_two_cameras_have_one_path() -> None:
    with pytest.raises(LinkError, match=r"pi:1 and pi:2 would both be rtsp://media/pi: give them other names"):
        destinations([Target("pi", 1), Target("pi", 2)], "rtsp://me:hush@media/")


# When


def received(captured: float, ours: float) -> Received:
    """Captured then, on the device's clock and on ours, in seconds."""
    frame = Frame(0, round(captured * SECOND), 1, 64, 48, 0, 0, memoryview(b"-"))
    return Received(frame, round(ours * SECOND), round(ours * SECOND), 0, 0)


def test_times_of_capture_are_the_timestamps() -> None:
    timeline = Timeline()
    told = [timeline.timestamp(received(5000 + at, 70 + at)) for at in (0, 0.1, 0.1, 0.05, 3600, 50_000)]
    assert told[0] is not None
    assert [at is not None and at - told[0] for at in told] == [0, 9_000, False, False, 324_000_000, 4_500_000_000]


def test_a_device_that_starts_anew_goes_on_where_it_was() -> None:
    timeline = Timeline()
    first = timeline.timestamp(received(5000, 70)) or 0
    assert timeline.timestamp(received(3, 72)) == first + 2 * 90_000 + 1
    assert timeline.timestamp(received(3.5, 72.5)) == first + 2.5 * 90_000 + 1
    assert timeline.timestamp(received(90_000, 72.4)) == first + 2.5 * 90_000 + 2


# What becomes of it


def jpeg(subsampling: str = "420") -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.full((64, 64, 3), 99, np.uint8), 85, "RGB", subsampling))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "PAUSES", (0.02,))
    monkeypatch.setattr("scripted_device.picture", jpeg)


@pytest.fixture
def device() -> Iterator[ScriptedDevice]:
    with ScriptedDevice() as device:
        yield device


@pytest.fixture
def server() -> Iterator[ScriptedRtsp]:
    with ScriptedRtsp() as server:
        yield server


Start = Callable[..., Relay]


@pytest.fixture
def start() -> Iterator[Start]:
    with contextlib.ExitStack() as stack:

        def start(device: ScriptedDevice, server: ScriptedRtsp, path: str = "porch") -> Relay:
            url = f"rtsp://me:hush@127.0.0.1:{server.port}/{path}"
            relay = Relay(device.target, parse_destination(url), Watch())
            relay.start()
            stack.callback(relay.join, 0.2)
            stack.callback(relay.end)
            return relay

        yield start


def flows(server: ScriptedRtsp, pictures: int = 5) -> None:
    before = server.pictures()
    until(lambda: server.pictures() >= before + pictures, f"{pictures} pictures")


def test_a_server_that_goes_is_published_at_again(
    device: ScriptedDevice, server: ScriptedRtsp, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(device, server)
    flows(server)
    server.die()
    said: list[str] = []
    until(lambda: said.append(capsys.readouterr().err) or "nothing listens there" in "".join(said), "words")
    server.live(server.port)
    flows(server)
    said.append(capsys.readouterr().err)
    words = "".join(said)
    assert words.count("nothing listens there (trying again)") == 1
    assert words.count(f"published as rtsp://127.0.0.1:{server.port}/porch, 64x64") == 2
    assert "hush" not in words
    assert device.accepted == 1


def test_a_device_that_goes_is_watched_again(
    device: ScriptedDevice, server: ScriptedRtsp, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(device, server)
    flows(server)
    device.die()
    device.live()
    flows(server)
    assert server.methods().count("RECORD") == 1
    timestamps = [struct.unpack_from(">I", packet, 4)[0] for _, packet in server.rtp]
    assert all((after - before) % (1 << 32) < 1 << 31 for before, after in itertools.pairwise(timestamps))
    assert "(trying again)\n" in (words := capsys.readouterr().err)
    assert "connected again\n" in words


def test_a_path_without_pictures_is_given_up_until_there_are_some(
    device: ScriptedDevice,
    server: ScriptedRtsp,
    start: Start,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "SILENCE", 1.0)
    start(device, server)
    flows(server)
    device.status = Status("STOPPED", reason="the button")
    until(lambda: "TEARDOWN" in server.methods(), "the end of the stream")
    device.status = Status("STREAMING")
    flows(server)
    words = capsys.readouterr().err
    assert "no picture for 1 s (the camera is STOPPED: the button); rtsp://" in words
    assert words.count("is given up until one comes") == 1
    assert words.count("published as") == 2


def test_what_rtp_cannot_carry_is_said_once_with_what_helps(
    device: ScriptedDevice,
    server: ScriptedRtsp,
    start: Start,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scripted_device.picture", lambda: jpeg("444"))
    start(device, server)
    said: list[str] = []
    until(lambda: said.append(capsys.readouterr().err) or "--size" in "".join(said), "words")
    monkeypatch.setattr("scripted_device.picture", jpeg)
    flows(server)
    assert "".join(said).count("sampled neither 4:2:0 nor 4:2:2: RTP cannot carry it; with --size") == 1


def test_one_camera_that_fails_is_nothing_to_the_others(
    device: ScriptedDevice, server: ScriptedRtsp, start: Start
) -> None:
    with ScriptedRtsp(refusals={"RECORD": 404}) as other, ScriptedDevice() as gone:
        gone.die()
        start(device, other)
        start(gone, server, "gone")
        start(device, server)
        flows(server, 20)
        assert {url.rpartition("/")[2] for method, url, _, _ in server.requests if method == "RECORD"} == {"porch"}


def test_a_server_that_is_slow_gets_fewer_pictures_not_older_ones(
    device: ScriptedDevice, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(7).integers(0, 255, (480, 640, 3), np.uint8)
    big = bytes(simplejpeg.encode_jpeg(noise, 60, "RGB", "420"))
    monkeypatch.setattr("scripted_device.picture", lambda: big)
    with ScriptedRtsp(rate=3e6) as server:  # of 50 times 220 kB a second
        slow = start(device, server)
        flows(server, 12)
        sent, reported = slow.sent, server.rtcp[0]
        seconds, fraction, origin = struct.unpack_from(">III", reported, 8)
        wall = seconds - 2_208_988_800 + fraction / (1 << 32)
        ages = [
            at - wall - (struct.unpack_from(">I", packet, 4)[0] - origin) % (1 << 32) / 90_000
            for at, packet in server.rtp
            if packet[1] >> 7
        ]
    assert sent < 16
    assert max(ages[3:]) < 1.5
