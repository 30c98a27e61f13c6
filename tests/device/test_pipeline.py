"""The capture thread against a scripted camera."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from scripted_camera import JPEG, Log, ScriptedCamera

from lenswire.device import pipeline as module
from lenswire.device.encoder import choose
from lenswire.device.pipeline import Found, Lost, Pipeline
from lenswire.device.rendition import Plan, Published, Rendition, Source
from lenswire.errors import StandInEnds
from lenswire.messages import Frame


class Viewer:
    def offer(self, published: Published) -> bool:
        return True

    def afterwards(self) -> bool:
        return False


class Clock:
    """The real one, that a test may move on."""

    ahead = 0

    def __call__(self) -> int:
        return time.monotonic_ns() + self.ahead


class Bench:
    def __init__(self) -> None:
        self.camera, self.facts, self.made, self.clock = ScriptedCamera(), Log(), Log(), Clock()
        self.plugs = 0
        self.pipeline = Pipeline(
            self.camera.open, choose, 80, self.facts, lambda idle: self.made(1), self.clock, hardware=lambda: self.plugs
        )
        self.rendition = Rendition(1, Plan())
        self.pipeline.serve((self.rendition,))
        self.pipeline.start()

    def stream(self) -> None:
        self.rendition.waiting = {Viewer(): None}
        self.pipeline.want(True, True)

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.005)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.pipeline.stop()


def newest(rendition: Rendition) -> Frame:
    rendition.spread()
    assert rendition.newest
    return rendition.newest.frame


def test_the_newest_frame_is_published_with_its_times(bench: Bench) -> None:
    bench.stream()
    captured = bench.camera.shoot()
    bench.made.wait(lambda said: len(said) == 1)
    frame = newest(bench.rendition)
    assert (frame.captured, frame.sequence, bytes(frame.jpeg)) == (captured, 1, JPEG)
    assert 0 <= frame.encode_begin <= frame.encode_end
    assert bench.facts.said == [
        Found(Source(64, 48, 30.0, compressed=True), "scripted", "camera JPEG", "the camera makes JPEG itself")
    ]


def test_found_is_said_when_a_frame_came_not_when_it_was_opened(bench: Bench) -> None:
    bench.pipeline.want(True, False)
    bench.until(lambda: bench.camera.opened == 1)
    assert bench.facts.said == []
    bench.camera.shoot()
    bench.facts.wait(lambda said: len(said) == 1)


def test_nobody_watching_nothing_is_touched(bench: Bench) -> None:
    bench.rendition.waiting = {Viewer(): None}
    bench.pipeline.want(True, False)
    for _ in range(3):
        bench.camera.shoot()
    bench.until(lambda: bench.pipeline.figures.captured == 3)
    assert bench.camera.looked_at == 0
    assert bench.made.said == []


def test_nobody_with_credit_nothing_is_made_but_it_is_counted(bench: Bench) -> None:
    bench.pipeline.want(True, True)
    for _ in range(3):
        bench.camera.shoot()
    bench.until(lambda: bench.pipeline.figures.captured == 3)
    assert bench.camera.looked_at == 0
    bench.rendition.waiting = {Viewer(): None}
    bench.camera.shoot(lost=2)
    bench.made.wait(lambda said: len(said) == 1)
    assert newest(bench.rendition).sequence == 4
    assert bench.pipeline.figures.dropped == 2


def test_stop_closes_the_sensor_and_start_opens_it(bench: Bench) -> None:
    bench.stream()
    bench.until(lambda: bench.camera.opened == 1)
    bench.pipeline.want(False, False)
    bench.until(lambda: bench.camera.closed == 1)
    bench.stream()
    bench.until(lambda: bench.camera.opened == 2)


def test_once_it_ends_no_wish_opens_the_camera_again(bench: Bench) -> None:
    bench.stream()
    bench.until(lambda: bench.camera.opened == 1)
    stopping = threading.Thread(target=bench.pipeline.stop)
    stopping.start()
    while stopping.is_alive():
        bench.pipeline.want(True, False)
    assert (bench.camera.opened, bench.camera.closed) == (1, 1)


def test_a_lost_camera_is_reported_and_tried_again(bench: Bench) -> None:
    bench.stream()
    bench.camera.fail("unplugged")
    bench.facts.wait(lambda said: Lost("unplugged") in said)
    assert bench.camera.closed == 1
    bench.camera.shoot()
    bench.pipeline.retry()
    bench.facts.wait(lambda said: isinstance(said[-1], Found))


def test_a_stand_in_that_ends_is_no_loss(bench: Bench) -> None:
    bench.stream()
    bench.camera.shoot()
    bench.camera.fail("there may be a camera now", StandInEnds)
    bench.camera.shoot()
    bench.facts.wait(lambda said: len(said) == 2)
    assert all(isinstance(fact, Found) for fact in bench.facts.said)
    assert (bench.camera.opened, bench.camera.closed) == (2, 1)


def test_a_camera_that_cannot_be_opened_is_reported_each_time(bench: Bench) -> None:
    bench.camera.problem = "busy"
    bench.stream()
    bench.facts.wait(lambda said: said == [Lost("busy")])
    bench.camera.problem = "still busy"
    bench.pipeline.retry()
    bench.facts.wait(lambda said: said[-1] == Lost("still busy"))


def test_a_lost_camera_is_tried_at_once_when_hardware_came(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF", (60.0, 60.0))
    bench.camera.problem = "unplugged"
    bench.stream()
    bench.facts.wait(lambda said: said == [Lost("unplugged")])
    bench.camera.problem = ""
    bench.plugs += 1
    bench.until(lambda: bench.camera.opened == 1)


def test_silence_is_a_loss(bench: Bench) -> None:
    bench.stream()
    bench.camera.shoot()
    bench.facts.wait(lambda said: len(said) == 1)
    bench.clock.ahead = int(module.SILENCE * 2e9)
    bench.facts.wait(lambda said: said[-1] == Lost("scripted: no frame for 2 s"))


def test_a_slow_camera_is_not_silent(bench: Bench) -> None:
    bench.camera.fps = 0.5
    bench.stream()
    bench.camera.shoot()
    bench.facts.wait(lambda said: len(said) == 1)
    bench.clock.ahead = int(5e9)  # less than three frame periods
    bench.camera.shoot()
    bench.until(lambda: bench.pipeline.figures.captured == 2)
    assert len(bench.facts.said) == 1


def test_a_bug_neither_ends_the_thread_nor_passes_unseen(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.camera.picture = lambda: 1 / 0  # type: ignore[method-assign]
    bench.stream()
    bench.camera.shoot()
    bench.facts.wait(lambda said: Lost("ZeroDivisionError: division by zero") in said)
    assert "the capture thread failed" in caplog.text
    del bench.camera.picture
    bench.camera.shoot()
    bench.pipeline.retry()
    bench.facts.wait(lambda said: isinstance(said[-1], Found))


def test_the_rate_is_measured(bench: Bench) -> None:
    bench.pipeline.want(True, False)
    for count in range(1, 6):
        bench.camera.shoot()
        bench.until(lambda count=count: bench.pipeline.figures.captured == count)
    assert bench.pipeline.figures.fps > 0


def test_renditions_that_differ_only_in_their_rate_are_encoded_once(bench: Bench) -> None:
    every, some = Rendition(1, Plan()), Rendition(2, Plan(64, 48, fps=10))
    for rendition in (every, some):
        rendition.waiting = {Viewer(): None}
    bench.pipeline.serve((every, some))
    bench.pipeline.want(True, True)
    bench.camera.shoot()
    bench.made.wait(lambda said: len(said) == 1)
    assert bench.camera.looked_at == 1
    frames = [newest(rendition) for rendition in (every, some)]
    assert frames[0].encode_begin == frames[1].encode_begin
