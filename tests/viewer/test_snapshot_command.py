"""The command `snapshot`: never a picture from before it was asked for, never half a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from article_server import ArticleServer
from lenswire import messages
from lenswire.client import Frame
from lenswire.errors import LenswireError, NoPicture
from lenswire.viewer import snapshot
from lenswire.viewer.reception import UNKNOWN, Received
from scripted_device import ScriptedDevice, picture

SECOND = 1_000_000_000


def frame(number: int, captured: float, error: float | None) -> Frame:
    sent = messages.Frame(number, 0, 1, 64, 48, 0, 0, b"jpeg")
    clock_error = UNKNOWN if error is None else int(error * SECOND)
    return Frame(Received(sent, int(captured * SECOND), int(captured * SECOND), clock_error, 0))


def test_a_picture_from_before_or_perhaps_from_before_is_passed_over() -> None:
    frames = [frame(1, 9.0, 0.0), frame(2, 10.5, None), frame(3, 10.01, 0.02), frame(4, 10.03, 0.02), frame(5, 11, 0)]
    assert snapshot.newer(frames, asked=10.0, clock=lambda: 10.0).sequence == 4


def test_when_no_picture_is_certainly_newer_it_ends() -> None:
    times = iter([10.0, 12.0, 15.5])
    endless = (frame(n, 10.1, None) for n in range(1000))
    with pytest.raises(NoPicture, match="none that was certainly taken after"):
        snapshot.newer(endless, asked=10.0, clock=lambda: next(times))


def test_the_file_is_the_picture_as_it_came(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "porch.jpg"
    file.write_bytes(b"an old one")
    with ScriptedDevice() as device:
        assert snapshot.run(device.target, str(file)) == 0
        assert messages.Watch() in device.heard
    assert file.read_bytes() == picture()
    assert list(tmp_path.iterdir()) == [file]
    assert capsys.readouterr().out.startswith(f"{file}: 64x48, ")


def test_standard_output_holds_nothing_else(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with ArticleServer(12) as server:
        snapshot.run(server.target, "-")
    assert capfdbinary.readouterr().out == picture()


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "in the way"
    folder.mkdir()
    (folder / "something").touch()
    yield folder


def test_a_file_that_cannot_be_written_is_one_sentence(full: Path) -> None:
    with pytest.raises(LenswireError, match=r"cannot write .*in the way"):
        snapshot.save(full, b"jpeg")
    with pytest.raises(LenswireError, match="no such file or directory"):
        snapshot.save(full / "nowhere" / "x.jpg", b"jpeg")
    assert [path.name for path in full.parent.iterdir()] == ["in the way"]
