"""The viewer as a person sees it, with one camera."""

from __future__ import annotations

import re
from pathlib import Path

import av
import cv2
import numpy as np
import pygame
import pytest
from scenes import GREEN, MS, Scene, ScriptedStream, framed, live, saved
from window_pixels import BLUE, OpenWindow, close_to, picture, press

from lenswire.errors import LenswireError, NoPicture, Refused
from lenswire.link import Target
from lenswire.messages import Status, Verb
from lenswire.viewer import app
from lenswire.viewer.wall import Wall
from lenswire.viewer.window.lettering import AMBER
from lenswire.viewer.window.lettering import RED as ALARM
from scripted_device import ScriptedDevice
from scripted_device import picture as device_picture


@pytest.fixture
def scene(open_window: OpenWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Scene(open_window(), "porch")


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
    targets = [Target("127.0.0.1")]
    wall = Wall(open_window(), targets, open_stream=lambda *_: ScriptedStream())
    with pytest.raises(NoPicture, match=r"no picture came within 0\.1 s"):
        wall.run(seconds=0.1)


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
