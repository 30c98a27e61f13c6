"""The viewer as a person sees it: a scripted stream, a real window, keys, and a clock that the test turns."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np
import pygame
import pytest
from numpy.typing import NDArray
from window_pixels import BLUE, RED, OpenWindow, close_to, picture, pixels, press

from lenswire.errors import LenswireError, NoPicture, Refused
from lenswire.link import Target
from lenswire.messages import Frame, Result, Status, Verb, Watch
from lenswire.viewer import app
from lenswire.viewer.reception import Received, Statistics
from lenswire.viewer.wall import Wall
from lenswire.viewer.window import Window
from lenswire.viewer.window.lettering import AMBER
from lenswire.viewer.window.lettering import RED as ALARM
from scripted_device import ScriptedDevice
from scripted_device import picture as device_picture

MS = 1_000_000
GREEN = (0, 200, 0)
SIZE = (640, 480)
PORCH = Target("127.0.0.1", name="porch")


@dataclass
class ScriptedStream:
    """Connected and streaming, until the test says something else."""

    connected: bool = True
    problem: str = ""
    failure: Exception | None = None
    status: Status | None = field(default_factory=lambda: Status("STREAMING", camera="C920"))
    device_name: str = "porch"
    tls: bool = True
    statistics: Statistics = field(default_factory=Statistics)
    on_result: Callable[[Result], None] = print
    running: bool = False
    commands: list[Verb] = field(default_factory=list)
    watched: list[Watch] = field(default_factory=list)
    receive: Callable[[Received], None] = print

    def open(self, target: Target, watch: Watch, receive: Callable[[Received], None]) -> ScriptedStream:
        self.watched.append(watch)
        self.receive = receive
        return self

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def watch(self, watch: Watch) -> None:
        self.watched.append(watch)

    def command(self, verb: Verb) -> int:
        self.commands.append(verb)
        self.on_result(Result(len(self.commands), True, "STOPPED"))
        return len(self.commands)


class Scene:
    """A viewer in front of us. Its clock stands, except where a test moves it."""

    def __init__(self, window: Window, folder: Path) -> None:
        self.window, self.folder = window, folder
        self.now = 1_000_000 * MS
        self.stream = ScriptedStream()
        self.wall = Wall(window, [PORCH], open_stream=self.stream.open, clock=lambda: self.now)
        self.number = 0

    def send(self, jpeg: bytes, size: tuple[int, int] = SIZE) -> None:
        """A frame comes that was captured 10 ms ago."""
        self.number += 1
        captured = self.now - 10 * MS
        frame = Frame(self.number, captured, 1, *size, 0, 0, memoryview(jpeg))
        self.stream.receive(Received(frame, self.now, captured, MS, 0))

    def look(self, milliseconds: float = 0) -> NDArray[np.uint8]:
        """What the window shows after so long."""
        self.now += round(milliseconds * MS)
        self.wall.turn()
        return pixels(self.window, self.folder)

    def told(self, capsys: pytest.CaptureFixture[str]) -> str:
        """What is said on stderr next."""
        end, told = time.monotonic() + 10, ""
        while not told:
            assert time.monotonic() < end
            self.look()
            told = capsys.readouterr().err
        return told

    def after(self, key: str) -> NDArray[np.uint8]:
        """What the window shows once a key was pressed."""
        press(key)
        return self.look()


@pytest.fixture
def scene(open_window: OpenWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Scene(open_window(), tmp_path)


def saved(kind: str) -> list[Path]:
    return sorted(Path().glob(f"lenswire-porch-*{kind}"))


def framed(shown: NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    return close_to(shown[-1, 200], colour[::-1]) and close_to(shown[100, 0], colour[::-1])


def live(shown: NDArray[np.uint8], left: tuple[int, int, int] = BLUE) -> bool:
    return close_to(shown[100, 0], left) and close_to(shown[100, 600], RED)


# Pictures


def test_a_frame_is_shown_in_its_own_size(scene: Scene) -> None:
    scene.send(picture())
    shown = scene.look()
    assert shown.shape == (480, 640, 3)
    assert live(shown)


def test_only_the_newest_of_several_is_shown(scene: Scene) -> None:
    scene.send(picture(left=GREEN))
    scene.send(picture())
    assert live(scene.look())
    assert live(scene.look(100))


def test_another_size_is_fitted_into_the_window_as_it_is(scene: Scene) -> None:
    scene.send(picture())
    scene.look()
    scene.send(picture((320, 120)), (320, 120))
    shown = scene.look()
    assert shown.shape == (480, 640, 3)
    assert close_to(shown[200, 10], BLUE)
    assert shown[10, 10].max() < 20


def test_a_damaged_frame_is_skipped_and_the_one_before_stays(scene: Scene) -> None:
    scene.send(picture())
    scene.look()
    scene.send(picture(left=GREEN)[:2000])
    assert live(scene.look())
    assert live(scene.look(300))
    scene.send(picture(left=GREEN))
    assert live(scene.look(), GREEN)


def test_a_damaged_first_frame_is_skipped_too(scene: Scene) -> None:
    scene.send(b"\xff\xd8 no JPEG")
    scene.look()
    scene.send(picture())
    assert live(scene.look())


# Age


def test_after_a_second_without_a_picture_it_is_marked_and_then_live_again(scene: Scene) -> None:
    scene.send(picture())
    assert live(scene.look())
    assert live(scene.look(900))
    assert framed(scene.look(300), ALARM)
    scene.send(picture())
    assert live(scene.look())


def test_the_age_of_a_picture_that_stands_grows_on_the_screen(scene: Scene) -> None:
    scene.send(picture())
    scene.look()
    banners = [scene.look(1300)[:60].copy() for _ in range(3)]
    assert not np.array_equal(banners[0], banners[1])
    assert not np.array_equal(banners[1], banners[2])


@pytest.mark.parametrize(
    "trouble",
    [
        {"connected": False, "problem": "nothing listens there"},
        {"status": Status("STOPPED", "the button")},
        {"status": Status("FAULT", "unplugged")},
    ],
)
def test_whatever_ends_the_pictures_is_marked_before_they_are_old(scene: Scene, trouble: dict[str, object]) -> None:
    scene.send(picture())
    assert live(scene.look())
    for name, value in trouble.items():
        setattr(scene.stream, name, value)
    assert framed(scene.look(250), ALARM)


def test_each_new_problem_is_told_on_stderr_once(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    for problem in ("", "nothing listens there", "nothing listens there", ""):
        scene.stream.problem = problem
        scene.look()
    assert capsys.readouterr().err == "nothing listens there (trying again)\nconnected again\n"


# Keys


def test_space_holds_the_picture_marked_and_lets_it_go(scene: Scene) -> None:
    scene.send(picture())
    scene.look()
    assert framed(scene.after(" "), AMBER)
    scene.send(picture(left=GREEN))
    held = scene.look(300)
    assert framed(held, AMBER)
    assert close_to(held[240, 100], BLUE)
    assert live(scene.after(" "), GREEN)


def test_s_saves_the_jpeg_as_it_came(scene: Scene) -> None:
    scene.after("s")
    assert saved(".jpg") == []
    scene.send(picture())
    plain = scene.look()
    assert not np.array_equal(scene.after("s"), plain)  # it says so
    scene.after("s")
    assert [path.read_bytes() for path in saved(".jpg")] == [picture(), picture()]


def test_s_saves_the_picture_that_is_shown_while_paused(scene: Scene) -> None:
    scene.send(picture())
    scene.look()
    scene.after(" ")
    scene.send(picture(left=GREEN))
    scene.after("s")
    assert [path.read_bytes() for path in saved(".jpg")] == [picture()]


def test_r_records_every_frame_until_r(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.send(picture())
    scene.after("r")
    sent = [picture(left=(0, shade, 0)) for shade in range(0, 250, 50)]
    for jpeg in sent:
        scene.send(jpeg)
        scene.now += 40 * MS
    scene.after("r")
    scene.send(picture())
    told = scene.told(capsys)
    (path,) = saved(".mkv")
    with av.open(str(path)) as container:
        assert [bytes(packet) for packet in container.demux(video=0) if packet.size] == sent
    assert told.startswith("recorded 5 pictures, 0.2 s")


def test_i_takes_the_figures_away_and_brings_them_back(scene: Scene) -> None:
    scene.send(picture())
    scene.look()
    corner = scene.look(600)[-60:, 13:200].copy()
    without = scene.after("i")[-60:, 13:200].copy()
    assert not np.array_equal(corner, without)
    assert close_to(without[50, 10], BLUE)
    assert np.array_equal(scene.after("i")[-60:, 13:200], corner)


@pytest.mark.parametrize("key", "?h")
def test_help_comes_and_goes(scene: Scene, key: str) -> None:
    scene.send(picture())
    middle = scene.look()[200:280, 200:440].copy()
    assert not np.array_equal(scene.after(key)[200:280, 200:440], middle)
    assert np.array_equal(scene.after(key)[200:280, 200:440], middle)


def test_t_toggles_the_device_and_shows_what_it_answers(scene: Scene, tmp_path: Path) -> None:
    scene.send(picture())
    before = scene.look()
    press("t")
    press("q")
    scene.wall.run(screenshot=tmp_path / "end.png")
    assert scene.stream.commands == [Verb.TOGGLE]
    shown = cv2.imread(str(tmp_path / "end.png"))
    assert shown is not None
    assert not np.array_equal(shown[-50:, -120:], before[-50:, -120:])


# Life


def test_q_ends_it_and_closes_everything(scene: Scene) -> None:
    press("q")
    assert scene.wall.run() == 0
    assert not scene.stream.running
    assert not pygame.display.get_init()


def test_a_refusal_before_the_first_picture_is_raised(scene: Scene) -> None:
    scene.stream.failure = Refused("wrong key", 2)
    with pytest.raises(Refused, match="wrong key"):
        scene.wall.run()
    assert not scene.stream.running
    assert not pygame.display.get_init()


def test_a_refusal_later_stands_over_the_last_picture(scene: Scene) -> None:
    scene.send(picture())
    scene.look()
    scene.stream.connected, scene.stream.failure = False, Refused("wrong key", 2)
    assert framed(scene.look(250), ALARM)


def test_where_nothing_can_be_recorded_nothing_begins(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(LenswireError, match="there is no directory"):
        scene.wall.run(record=tmp_path / "no" / "walk.mkv")
    assert not scene.stream.running


def test_a_recording_that_fails_ends_and_the_viewer_goes_on(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.after("r")
    (tmp_path / "here").rmdir()
    scene.send(picture())
    told = scene.told(capsys)
    assert re.fullmatch(r"lenswire-porch-\S+\.mkv: the recording ended: No such file or directory\n", told)
    assert live(scene.look())
    scene.after("r")  # begins another one
    press("q")
    assert scene.wall.run() == 0
    assert capsys.readouterr().err == "nothing was recorded: no picture came\n"


def test_without_a_picture_in_its_time_it_says_so(open_window: OpenWindow) -> None:
    with pytest.raises(NoPicture, match=r"no picture came within 0\.1 s"):
        Wall(open_window(), [PORCH], open_stream=ScriptedStream().open).run(seconds=0.1)


def test_from_the_socket_to_screen_and_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    shot, film = tmp_path / "end.png", tmp_path / "walk.mkv"
    with ScriptedDevice() as device:
        assert app.run([device.target], size=(64, 48), record=film, screenshot=shot, seconds=1.0) == 0
    shown = cv2.imread(str(shot))
    assert shown is not None
    assert close_to(shown[0, 0].astype(np.uint8), (255, 0, 0))
    with av.open(str(film)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    assert len(packets) > 2
    assert set(packets) == {device_picture()}
    assert str(film) in capsys.readouterr().err
