"""A camera as a webcam: what is written, and what is said where nothing can be. The device itself is the virtual Pi's
(tests/appliance); here its bytes go to a kept."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from window_pixels import picture

from lenswire.cli import main
from lenswire.errors import LenswireError, Refused
from lenswire.latest import Latest
from lenswire.messages import Frame
from lenswire.viewer import virtual_camera
from lenswire.viewer.reception import Received
from lenswire.viewer.virtual_camera import Webcam
from scripted_device import ScriptedDevice

BLUE, RED, BLACK = (36, 216, 114), (68, 98, 216), (16, 128, 128)  # Y, U, V of the pictures' colours


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


class Kept:
    """An output that keeps what it is given, and its webcam."""

    pixels = "yuv420p"

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.written: list[bytes] = []
        self.webcam = Webcam(self)

    def write(self, picture: bytes) -> None:
        self.written.append(picture)

    def pictures(self) -> list[NDArray[np.uint8]]:
        """(height, width, 3): YUV, the colours at full size again."""
        width, height = self.size
        found = []
        for one in (np.frombuffer(raw, np.uint8) for raw in self.written):
            luma = one[: width * height].reshape(height, width)
            chroma = one[width * height :].reshape(2, height // 2, width // 2).repeat(2, 1).repeat(2, 2)
            found.append(np.dstack([luma, *chroma]))
        return found


def is_like(pixel: NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= 3)


def test_a_picture_of_the_size_is_written_as_it_is() -> None:
    kept = Kept((640, 480))
    assert kept.webcam.show(picture())
    (shown,) = kept.pictures()
    assert all(is_like(shown[y, x], BLUE if x < 320 else RED) for y in (0, 240, 479) for x in (0, 310, 330, 639))


def test_another_size_is_fitted_with_its_shape_kept() -> None:
    kept = Kept((640, 480))
    for size in ((1280, 480), (320, 240), (240, 480)):
        assert kept.webcam.show(picture(size))
    wide, small, high = kept.pictures()
    assert is_like(wide[100, 300], BLACK) and is_like(wide[240, 10], BLUE) and is_like(wide[240, 630], RED)
    assert is_like(small[2, 2], BLUE) and is_like(small[477, 637], RED)
    assert is_like(high[240, 190], BLACK) and is_like(high[240, 210], BLUE) and is_like(high[470, 430], RED)


def test_a_device_that_wants_yuyv_gets_it() -> None:
    kept = Kept((640, 480))
    kept.pixels = "yuyv422"
    assert kept.webcam.show(picture())
    shown = np.frombuffer(kept.written[0], np.uint8).reshape(480, 320, 4)
    assert np.abs(shown[100, 20].astype(int) - (36, 216, 36, 114)).max() <= 3


def test_an_old_picture_is_written_grey_and_dark() -> None:
    kept = Kept((640, 480))
    assert kept.webcam.show(picture(left=(255, 255, 255)), stale=True)
    (shown,) = kept.pictures()
    assert (shown[..., 1:] == 128).all()
    assert is_like(shown[240, 100], (125, 128, 128))


@pytest.mark.parametrize("end", [1500, -40])
def test_a_damaged_picture_is_left_out(end: int) -> None:
    kept = Kept((640, 480))
    results = [kept.webcam.show(jpeg) for jpeg in (picture(), picture()[:end], b"no JPEG", picture())]
    assert results == [True, False, False, True]
    assert len(kept.pictures()) == 2


def test_stray_bytes_before_the_end_do_no_harm() -> None:
    kept = Kept((640, 480))
    assert kept.webcam.show(picture()[:-2] + b"\0\0" + picture()[-2:])


# From the stream


class ScriptedStream:
    problem = ""
    failure: Exception | None = None


def test_while_nothing_new_comes_the_last_one_is_shown_as_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    stream, kept, latest = ScriptedStream(), Kept((640, 480)), Latest[Received]()
    first = received(picture())
    stream.problem = "nothing listens there"

    def end() -> None:
        stream.failure = Refused("wrong key", 2)

    timer = threading.Timer(0.4, end)
    timer.start()
    with pytest.raises(Refused, match="wrong key"):
        virtual_camera.show(stream, kept.webcam, latest, first, "ready", stale=0.05)
    timer.join()
    shown = kept.pictures()
    assert is_like(shown[0][240, 10], BLUE)
    assert (shown[-1][..., 1:] == 128).all()
    assert capsys.readouterr().err == "ready\nnothing listens there (trying again)\n"


def test_it_is_called_ready_when_others_can_see_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Which is with the first whole picture: until then v4l2loopback's device takes pictures and gives none."""
    stream, kept, latest = ScriptedStream(), Kept((640, 480)), Latest[Received]()
    said_before: list[str] = []

    def write(_: bytes) -> None:
        said_before.append(capsys.readouterr().err)
        stream.failure = Refused("the end", 2) if len(said_before) == 2 else None
        latest.put(received(picture()))

    kept.write = write  # type: ignore[method-assign]
    latest.put(received(picture()))
    with pytest.raises(Refused):
        virtual_camera.show(stream, kept.webcam, latest, received(picture()[:1500]), "ready")
    assert said_before == ["", "ready\n"]


def received(jpeg: bytes) -> Received:
    now = time.monotonic_ns()
    return Received(Frame(1, 0, 1, 640, 480, 0, 0, jpeg), now, now, 0, 0)


# Where nothing can be written


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        (
            "/dev/video4242",
            "/dev/video4242: there is no such device; v4l2loopback makes one: sudo modprobe v4l2loopback",
        ),
        ("/dev/null", "/dev/null: it is no video device: expected one of v4l2loopback"),
        (__file__, "it is no video device"),
        ("/tmp", "/tmp: is a directory"),
    ],
)
def test_a_device_that_is_none_is_one_sentence(device: str, sentence: str) -> None:
    with ScriptedDevice() as camera, pytest.raises(LenswireError, match=sentence):
        virtual_camera.run(camera.target, Path(device))


@pytest.mark.parametrize("options", [["porch", "gate"], ["porch", "--fullscreen"], ["porch", "--record", "walk.mkv"]])
def test_what_makes_no_sense_for_a_webcam_is_refused(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", "--v4l2", "/dev/video4242", *options]) == 1
    assert capsys.readouterr().err.startswith("lenswire: --v4l2 is for one camera and opens no window")
