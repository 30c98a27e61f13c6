"""The last seconds in memory, and saved."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

import av
import pytest
from scenes import Scene, saved
from window_pixels import OpenWindow, picture

from fake_link import opened
from lenswire.messages import Frame
from lenswire.viewer.reception import Received
from lenswire.viewer.replay import Memory
from programs import need

MS = 1_000_000


def frame(milliseconds: float, size: int = 1000, device_clock: int = 0) -> Received:
    at = round(milliseconds * MS)
    return Received(Frame(1, at + device_clock, 1, 64, 48, 0, 0, memoryview(bytes(size))), at, at, MS, 0)


def times(frames: list[Received]) -> list[float]:
    return [received.received / MS for received in frames]


@pytest.fixture
def scene(open_window: OpenWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Scene(open_window(), "porch")


# Memory


def test_so_many_seconds_are_kept() -> None:
    memory = Memory(seconds=1.0)
    replay = memory.replay()
    for number in range(100):
        replay.keep(frame(number * 40))
    assert times(replay.frames()) == [number * 40 for number in range(74, 100)]
    assert memory.bytes == 26_000


def test_a_camera_that_gives_no_more_keeps_its_last() -> None:
    memory = Memory(seconds=1.0)
    dead, alive = memory.replay(), memory.replay()
    for number in range(10):
        dead.keep(frame(number * 100))
    for number in range(100):
        alive.keep(frame(number * 100))
    assert times(dead.frames()) == [number * 100 for number in range(10)]
    assert len(alive.frames()) == 11


def test_all_together_are_bounded_by_bytes_and_the_oldest_goes_first() -> None:
    memory = Memory(seconds=30.0, limit=10_000)
    small, large = memory.replay(), memory.replay()
    for number in range(20):
        small.keep(frame(number * 40, size=100))
        large.keep(frame(number * 40 + 1, size=2000))
        assert memory.bytes <= 10_000
    assert times(small.frames()) == [640, 680, 720, 760]
    assert times(large.frames()) == [641, 681, 721, 761]


def test_a_picture_larger_than_all_the_memory_is_not_kept() -> None:
    memory = Memory(limit=1000)
    replay = memory.replay()
    replay.keep(frame(0, size=500))
    replay.keep(frame(1, size=1001))
    assert (replay.frames(), memory.bytes) == ([], 0)


def test_from_many_threads_nothing_is_lost_or_counted_twice() -> None:
    memory = Memory(limit=50_000)
    replays = [memory.replay() for _ in range(4)]

    def fill(number: int) -> None:
        for i in range(1000):
            replays[number].keep(frame(i))

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = sum(len(replay.frames()) for replay in replays)
    assert (kept, memory.bytes) == (50, 50_000)


def test_what_is_kept_stays_as_it_came() -> None:
    """The connection does not use a picture's memory again: nothing needs to be copied. Nor is there more than the
    picture behind it."""
    link = opened()
    sent = [bytes([number]) * (5000 - number) for number in range(100)]
    frames = []
    for jpeg in sent:
        (heard,) = link.say(link.device, Frame(1, 0, 1, 64, 48, 0, 0, jpeg))
        assert isinstance(heard, Frame)
        frames.append(heard)
    assert [bytes(kept.jpeg) for kept in frames] == sent
    assert all(isinstance(kept.jpeg, memoryview) and len(kept.jpeg.obj) < 5100 for kept in frames)


# Saved


def test_b_saves_what_came_and_the_picture_stays_live(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    sent = [picture(left=(0, shade, 0)) for shade in range(0, 250, 2)]  # more than a recording's queue takes at once
    for jpeg in sent:
        scene.send(jpeg)
        scene.now += 33 * MS + 333_333
    scene.after("b")
    assert scene.told(capsys).startswith(f"recorded {len(sent)} pictures, 4.1 s")
    (path,) = saved(".mkv")
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [bytes(packet) for packet in packets] == sent
    expected = [number * 33.333333 for number in range(len(sent))]
    assert [float(packet.pts * packet.time_base * 1000) for packet in packets] == pytest.approx(expected, abs=1)
    need("ffprobe")
    count = ["-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "json"]
    told = subprocess.run(["ffprobe", "-v", "error", *count, path], capture_output=True, check=True).stdout
    assert int(json.loads(told)["streams"][0]["nb_read_packets"]) == len(sent)


def test_b_goes_on_beside_a_recording_and_again(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    for key in "brb":
        scene.send(picture())
        scene.after(key)
        scene.now += 40 * MS
    scene.after("r")
    told = scene.told(capsys)
    while told.count("\n") < 3:
        told += scene.told(capsys)
    assert sorted(line.split(",")[0] for line in told.splitlines()) == [
        "recorded 1 pictures",
        "recorded 1 pictures",
        "recorded 3 pictures",
    ]
    assert len(saved(".mkv")) == 3


def test_with_nothing_to_save_it_says_so(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.after("b")
    assert capsys.readouterr().err == "there is nothing yet of the last seconds\n"
    assert saved(".mkv") == []
