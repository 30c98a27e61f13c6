"""The Python API, against a scripted device."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator

import pytest

import lenswire
from article_server import ArticleServer
from eventually import until
from lenswire.errors import ConnectError, LinkError, NoPicture, Refused
from lenswire.link import AddressBook
from lenswire.messages import Status, Watch
from scripted_device import KEY, ScriptedDevice


@pytest.fixture
def device() -> Iterator[ScriptedDevice]:
    with ScriptedDevice() as device:
        yield device


# Pictures


def test_a_frame_is_a_picture_with_its_age(device: ScriptedDevice) -> None:
    with lenswire.connect(device.target.address) as camera:
        until(lambda: camera.statistics.rtt_ms, "the clock to be known")
        camera.__next__()
        frame = next(camera)
        told, now = frame.age, time.monotonic()
    assert frame.jpeg.startswith(b"\xff\xd8")
    assert (frame.width, frame.height) == (64, 48)
    assert 0 <= told <= now - frame.captured + 0.001
    assert 0 < frame.clock_error < 1
    image = frame.image()
    assert image.shape == (48, 64, 3)
    assert image.dtype == "uint8"
    blue, green, red = image[20, 20]
    assert (blue > 200, green < 50, red < 50) == (True, True, True)


def test_what_is_wanted_is_asked_for(device: ScriptedDevice) -> None:
    with lenswire.connect(device.target, size=(320, 240), fps=15, quality=60) as camera:
        assert next(camera).width == 320
    assert Watch(320, 240, 15, 60) in device.heard


def test_each_picture_comes_once_and_the_newest_first(device: ScriptedDevice) -> None:
    with lenswire.connect(device.target) as camera:
        first = next(camera)
        count = camera.statistics.frames
        until(lambda: camera.statistics.frames > count + 5, "more pictures while nobody takes them")
        second, third = next(camera), next(camera)
    assert second.sequence > first.sequence + 3
    assert third.sequence > second.sequence


def test_a_loop_ends_when_the_camera_is_closed(device: ScriptedDevice) -> None:
    camera = lenswire.connect(device.target)
    threading.Timer(0.05, camera.close).start()
    for _ in camera:
        pass
    camera.close()
    assert not camera.connected


def test_the_article_does_not_tell_when_a_picture_was_taken() -> None:
    with ArticleServer(12) as server, lenswire.connect(server.target) as camera:
        assert next(camera).clock_error == math.inf
        with pytest.raises(Refused, match="takes no commands"):
            camera.stop()


# No pictures


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status("STOPPED"), "it is STOPPED: press its button or run 'lenswire start 127.0.0.1:"),
        (Status("STOPPED", "by hand"), r"it is STOPPED \(by hand\): press"),
        (Status("FAULT", "no camera"), r"it is FAULT \(no camera\)$"),
        (Status("READY"), "but no picture came for 0.1 s"),
    ],
)
def test_no_picture_says_why(device: ScriptedDevice, status: Status, words: str) -> None:
    device.status = status
    with lenswire.connect(device.target, timeout=0.1) as camera:
        camera.wait_for_status()
        with pytest.raises(NoPicture, match=words):
            next(camera)


def test_no_picture_does_not_tell_anybody_to_type_a_key() -> None:
    with (
        ScriptedDevice(tls=True, key=KEY, status=Status("STOPPED")) as device,
        lenswire.connect(device.target, timeout=0.1) as camera,
    ):
        camera.wait_for_status()
        with pytest.raises(NoPicture, match="run 'lenswire start LINK'"):
            next(camera)


def test_a_lost_device_is_waited_for(device: ScriptedDevice) -> None:
    with lenswire.connect(device.target) as camera:
        before = next(camera)
        device.die()
        until(lambda: not camera.connected, "the loss")
        device.live()
        until(lambda: camera.connected, "the return")
        next(camera)
        assert next(camera).captured > before.captured
        assert camera.statistics.reconnects == 1


def test_a_device_that_stays_away_is_no_picture(device: ScriptedDevice) -> None:
    with lenswire.connect(device.target, timeout=0.3) as camera:
        next(camera)
        device.die()
        with pytest.raises(NoPicture, match=r"no picture from 127.0.0.1:\d+ for 0.3 s: .*"):
            list(camera)
        device.live()


def test_without_reconnect_the_loss_is_raised(device: ScriptedDevice) -> None:
    with lenswire.connect(device.target, reconnect=False) as camera:
        next(camera)
        device.die()
        with pytest.raises(ConnectError, match=r"lost|ended the connection"):
            list(camera)
        device.live()


def test_the_first_connection_must_succeed(device: ScriptedDevice) -> None:
    target = device.target
    device.die()
    with pytest.raises(ConnectError, match="nothing listens there"):
        lenswire.connect(target)
    device.live()


def test_a_wrong_key_is_refused() -> None:
    with ScriptedDevice(tls=True, key=KEY) as device:
        target = device.target
        device.key = bytes(32)
        with pytest.raises(Refused, match="wrong key"):
            lenswire.connect(target)


def test_a_name_is_looked_up(
    device: ScriptedDevice, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    AddressBook().add("porch", device.target)
    with lenswire.connect("porch") as camera:
        assert camera.target.name == "porch"
    with pytest.raises(LinkError):
        lenswire.connect("no such camera")


# Commands


def test_commands_return_what_the_device_says(device: ScriptedDevice) -> None:
    with lenswire.connect(device.target) as camera:
        answers = [camera.stop(), camera.start(), camera.toggle(), camera.snapshot()]
        assert answers == ["STOP done", "START done", "TOGGLE done", "SNAPSHOT done"]
        assert camera.status is not None


def test_a_command_that_is_not_obeyed_is_refused(device: ScriptedDevice) -> None:
    device.obeys = False
    with lenswire.connect(device.target) as camera, pytest.raises(Refused, match=r"127.0.0.1:\d+: STOP denied"):
        camera.stop()


def test_a_command_to_a_lost_device_says_so(device: ScriptedDevice) -> None:
    with lenswire.connect(device.target) as camera:
        device.die()
        until(lambda: not camera.connected, "the loss")
        with pytest.raises(ConnectError, match="not connected"):
            camera.start()
        device.live()
