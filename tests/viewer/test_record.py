"""The command `record`: when it ends, and what it says."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from lenswire.errors import LenswireError, NoPicture, Refused
from lenswire.link import Target
from lenswire.viewer import record
from lenswire.viewer.recorder import Recorder
from scripted_device import ScriptedDevice, picture


class ScriptedStream:
    problem = ""
    failure: Exception | None = None


class Evening:
    """A recording whose clock is turned by its own waiting. At a time, something happens to it."""

    def __init__(self, folder: Path) -> None:
        self.stream, self.recorder = ScriptedStream(), Recorder(folder / "walk.mkv")
        self.now = 0.0
        self.said: list[str] = []
        self.first_picture = 1.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.first_picture and not self.recorder.files:
            self.recorder.files.append(self.recorder.path)

    def wait(self, seconds: float | None = None) -> float:
        """When it ended."""
        record.wait(self.stream, self.recorder, seconds, self.said.append, lambda: self.now, self.sleep)
        return self.now


@pytest.fixture
def evening(tmp_path: Path) -> Evening:
    return Evening(tmp_path)


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_it_ends_so_long_after_the_first_picture(evening: Evening) -> None:
    assert evening.wait(5) == pytest.approx(6, abs=2 * record.GLANCE)


def test_it_tells_how_it_goes(evening: Evening) -> None:
    evening.recorder.frames, evening.recorder.seconds, evening.recorder.bytes = 360, 12.04, 13_100_000
    evening.wait(1)
    assert set(evening.said) == {"360 pictures, 12.0 s, 13.1 MB"}
    evening.stream.problem = "nothing listens there"
    evening.wait(1)
    assert evening.said[-1] == "360 pictures, 12.0 s, 13.1 MB; nothing listens there (trying again)"


@pytest.mark.parametrize(
    ("problem", "sentence"),
    [("nothing listens there", "nothing listens there"), ("", "connected, but no picture came within 10 s")],
)
def test_it_does_not_wait_for_ever_for_the_first_picture(evening: Evening, problem: str, sentence: str) -> None:
    evening.stream.problem, evening.first_picture = problem, 1e9
    with pytest.raises(NoPicture, match=sentence):
        evening.wait()
    assert evening.now < 11


def test_a_refusal_ends_it(evening: Evening) -> None:
    evening.stream.failure = Refused("wrong key", 2)
    with pytest.raises(Refused, match="wrong key"):
        evening.wait()


def test_a_disk_that_takes_no_more_ends_it(evening: Evening) -> None:
    evening.recorder.problem = "no space left on device"
    assert evening.wait() == 0


def test_from_the_socket_to_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "walk.mkv"
    with ScriptedDevice() as device:
        assert record.run(device.target, path, seconds=0.4) == 0
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    assert len(packets) > 2
    assert set(packets) == {picture()}
    assert capsys.readouterr().err.startswith(f"recorded {len(packets)} pictures")


def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "walk.mkv"
    path.symlink_to("/dev/full")
    with ScriptedDevice() as device, pytest.raises(LenswireError, match="No space left on device"):
        record.run(device.target, path)


def test_ctrl_c_before_anything_came_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with ScriptedDevice(silent=True) as device:
            assert record.run(Target("127.0.0.1", device.port), tmp_path / "walk.mkv") == 1
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert capsys.readouterr().err == "nothing was recorded: no picture came\n"
