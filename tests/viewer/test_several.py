"""Several cameras in one window, as a person sees them, and what they are asked for."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from scenes import GREEN, Scene
from window_pixels import BLUE, RED, OpenWindow, click, close_to, picture, press

from lenswire.errors import ConnectError, Refused
from lenswire.messages import Status, Verb, Watch
from lenswire.viewer import overlay
from lenswire.viewer.pane import HIDDEN
from lenswire.viewer.window.lettering import DARK, WHITE
from lenswire.viewer.window.lettering import RED as ALARM

NAMES = "porch", "gate", "shed"
TILE = 458, 256  # in the window of 921 x 518 that fits the tests' desktop
HIDDEN_TILE = Watch(*TILE, HIDDEN)


@pytest.fixture
def scene(open_window: OpenWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Scene(open_window(), *NAMES)


def tile(shown: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """The picture of one camera in the grid."""
    _, areas = overlay.grid(len(NAMES), (shown.shape[1], shown.shape[0]))
    left, top, width, height = areas[number - 1]
    return shown[top : top + height, left : left + width]


def live(shown: NDArray[np.uint8], left: tuple[int, int, int] = BLUE) -> bool:
    """A picture in its colours, without a frame of alarm."""
    middle = shown.shape[0] // 2
    return close_to(shown[middle, 80], left) and close_to(shown[middle, -80], RED)


def stale(shown: NDArray[np.uint8]) -> bool:
    """Grey in a red frame, with the picture of 4:3 in the middle."""
    inside = shown[shown.shape[0] // 2, 80].astype(int)
    return bool(inside.max() - inside.min() <= 2) and bool((shown == ALARM[::-1]).all(2).mean() > 0.01)


def send_all(scene: Scene) -> None:
    for name in scene.streams:
        scene.send(picture(), to=name)


def watched(scene: Scene) -> list[Watch]:
    return [stream.watched[-1] for stream in scene.streams.values()]


# The grid


def test_each_stands_in_its_own_place(scene: Scene) -> None:
    send_all(scene)
    scene.send(picture(left=GREEN), to="gate")
    shown = scene.look()
    assert shown.shape == (518, 921, 3)
    assert [live(tile(shown, number), left) for number, left in ((1, BLUE), (2, GREEN), (3, BLUE))] == [True] * 3
    assert close_to(shown[-100, -100], DARK[::-1])


def test_only_what_is_new_is_drawn(scene: Scene) -> None:
    send_all(scene)
    before = scene.look()
    scene.send(picture(left=GREEN), to="gate")
    after = scene.look(50)
    assert live(tile(after, 2), GREEN)
    assert np.array_equal(tile(after, 1), tile(before, 1))
    assert np.array_equal(tile(after, 3), tile(before, 3))


def test_each_has_its_name_and_how_it_does_written_on_it(scene: Scene) -> None:
    send_all(scene)
    plain = scene.look()
    labels = [tile(plain, number)[-40:, :150].copy() for number in (1, 2, 3)]
    assert not np.array_equal(labels[0], labels[1])
    assert not np.array_equal(labels[1], labels[2])
    scene.streams["shed"].status = Status("STOPPED")
    assert not np.array_equal(tile(scene.look(250), 3)[-40:, :150], labels[2])


def test_a_dead_one_is_marked_and_disturbs_no_other(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    send_all(scene)
    scene.look()
    gate = scene.streams["gate"]
    gate.connected, gate.problem = False, "nothing listens there"
    scene.streams["shed"].failure = Refused("wrong key", 2)
    scene.streams["shed"].connected = False
    for _ in range(5):
        scene.send(picture(left=GREEN), to="porch")
        shown = scene.look(300)
    assert live(tile(shown, 1), GREEN)
    assert stale(tile(shown, 2))
    assert stale(tile(shown, 3))
    assert capsys.readouterr().err == "gate: nothing listens there (trying again)\n"
    gate.connected, gate.problem = True, ""
    scene.send(picture(), to="gate")
    assert live(tile(scene.look(), 2))
    assert capsys.readouterr().err == "gate: connected again\n"


def test_it_ends_when_all_have_failed_and_no_sooner(scene: Scene) -> None:
    for name in NAMES:
        scene.look(100)
        scene.streams[name].failure = Refused(f"{name}: wrong key", 2)
    with pytest.raises(ConnectError, match="porch: wrong key; gate: wrong key; shed: wrong key"):
        scene.look(100)


def test_a_damaged_picture_leaves_the_one_before(scene: Scene) -> None:
    send_all(scene)
    scene.look()
    scene.send(picture(left=GREEN)[:2000], to="shed")
    assert live(tile(scene.look(), 3))


# One large, and back


@pytest.mark.parametrize("back", ["2", "g", "\r", "\x1b"])
def test_a_number_makes_one_large(scene: Scene, back: str) -> None:
    send_all(scene)
    scene.send(picture(left=GREEN), to="gate")
    scene.look()
    large = scene.after("2")
    assert close_to(large[250, 130], GREEN)
    assert close_to(large[250, 780], RED)
    grid = scene.after(back)
    assert live(tile(grid, 1))
    assert live(tile(grid, 2), GREEN)


def test_a_number_that_nobody_has_does_nothing(scene: Scene) -> None:
    send_all(scene)
    before = scene.look()
    assert np.array_equal(scene.after("4"), before)


def test_a_click_makes_one_large(scene: Scene) -> None:
    send_all(scene)
    scene.send(picture(left=GREEN), to="shed")
    scene.look()
    click((100, 400))
    assert close_to(scene.look()[250, 130], GREEN)


def test_arrows_select_and_enter_enlarges(scene: Scene) -> None:
    send_all(scene)
    scene.send(picture(left=GREEN), to="shed")
    scene.look()

    def selected(shown: NDArray[np.uint8]) -> list[int]:
        return [number for number in (1, 2, 3) if close_to(tile(shown, number)[100, 1], WHITE[::-1])]

    found = [selected(scene.after(key)) for key in ("right", "right", "left", "up", "down", "down", "left")]
    assert found == [[2], [3], [2], [2], [2], [2], [1]]
    scene.after("down")
    assert close_to(scene.after("\r")[250, 130], GREEN)
    assert close_to(scene.after("left")[250, 130], BLUE)


def test_keys_are_for_the_selected_one(scene: Scene) -> None:
    send_all(scene)
    scene.look()
    scene.after("right")
    for key in "ts ":
        scene.after(key)
    assert [stream.commands for stream in scene.streams.values()] == [[], [Verb.TOGGLE], []]
    assert [path.name.split("-")[1] for path in Path().iterdir()] == ["gate"]
    scene.send(picture(left=GREEN), to="gate")
    scene.send(picture(left=GREEN), to="shed")
    shown = scene.look(100)
    assert close_to(tile(shown, 2)[128, 80], BLUE)
    assert close_to(tile(shown, 3)[128, 80], GREEN)


def test_help_stands_over_all_of_them(scene: Scene) -> None:
    send_all(scene)
    before = scene.look()
    first = scene.after("?")
    send_all(scene)
    assert not np.array_equal(first[150:380, 250:650], before[150:380, 250:650])
    assert np.array_equal(scene.look()[150:380, 250:650], first[150:380, 250:650])  # not darker each time
    assert np.array_equal(scene.after("?")[:, 250:650], before[:, 250:650])


# What the network carries


def test_each_is_asked_for_what_fits_its_place(scene: Scene) -> None:
    scene.look()
    assert watched(scene) == [Watch(*TILE)] * 3


def test_one_large_is_asked_for_whole_and_nothing_of_the_others(scene: Scene) -> None:
    scene.look()
    scene.after("2")
    assert watched(scene) == [HIDDEN_TILE, Watch(), HIDDEN_TILE]
    scene.after("right")
    assert watched(scene) == [HIDDEN_TILE, HIDDEN_TILE, Watch()]
    scene.after("g")
    assert watched(scene) == [Watch(*TILE)] * 3


def test_what_was_asked_for_is_a_limit_still(open_window: OpenWindow) -> None:
    scene = Scene(open_window(), "porch", "gate", watch=Watch(320, 240, 10))
    scene.look()
    assert watched(scene) == [Watch(320, 240, 10)] * 2


def test_a_window_that_changes_its_size_asks_when_it_has_settled(scene: Scene) -> None:
    scene.look()
    said = [len(stream.watched) for stream in scene.streams.values()]
    for width in (800, 700, 600):
        scene.window.suit((width, 400))
        scene.look(100)
    assert [len(stream.watched) for stream in scene.streams.values()] == said
    scene.look(400)
    assert watched(scene) == [Watch(298, 198)] * 3
    assert [len(stream.watched) for stream in scene.streams.values()] == [number + 1 for number in said]


def test_a_new_window_has_the_shape_of_its_grid(open_window: OpenWindow) -> None:
    assert Scene(open_window(), "porch", "gate").look().shape == (259, 921, 3)


def test_one_camera_alone_is_asked_for_whole_whatever_the_window(open_window: OpenWindow) -> None:
    scene = Scene(open_window(), "porch")
    scene.look()
    scene.window.suit((300, 200))
    for _ in range(3):
        scene.look(400)
    assert scene.stream.watched == [Watch()]


def test_what_is_recorded_comes_whole_and_goes_on_while_it_is_hidden(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    porch = scene.streams["porch"]
    porch.status = Status("STREAMING", width=640, height=480)
    small, whole = picture((320, 240)), picture()
    scene.look()
    scene.send(small, (320, 240), rendition=1)
    scene.look()
    scene.after("r")
    assert watched(scene) == [Watch(), Watch(*TILE), Watch(*TILE)]
    scene.send(small, (320, 240), rendition=1)  # was on its way
    scene.after("2")
    for _ in range(3):
        scene.now += 40_000_000
        scene.send(whole, rendition=2)
    assert watched(scene) == [Watch(), Watch(), HIDDEN_TILE]
    scene.after("1")
    scene.after("r")
    assert "recorded 3 pictures" in scene.told(capsys)
    (path,) = Path().glob("lenswire-porch-*.mkv")
    with av.open(str(path)) as container:
        assert [bytes(packet) for packet in container.demux(video=0) if packet.size] == [whole] * 3


def test_a_small_cameras_recording_begins_at_once(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    """It has been coming whole all the time."""
    scene.streams["porch"].status = Status("STREAMING", width=320, height=240)
    scene.send(picture((320, 240)), (320, 240))
    scene.look()
    scene.after("r")
    scene.send(picture((320, 240)), (320, 240))
    scene.after("r")
    assert "recorded 1 pictures" in scene.told(capsys)


def test_each_is_recorded_from_the_start_into_a_file_of_its_own(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    press("q")
    scene.wall.run(record=tmp_path / "walk.mkv")
    assert all(watch == Watch() for stream in scene.streams.values() for watch in stream.watched)
    assert sorted(capsys.readouterr().err.splitlines()) == sorted(
        f"{name}: nothing was recorded: no picture came" for name in NAMES
    )
