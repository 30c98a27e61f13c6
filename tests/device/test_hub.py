"""The hub: equal wishes share, the first and the last are told, a late viewer gets what is fresh."""

import pytest

from lenswire.device.hub import Hub
from lenswire.device.rendition import Plan, Published, Rendition, Source

SOURCE = Source(1280, 720, 30.0)
MS = 1_000_000


class Viewer:
    def __init__(self) -> None:
        self.got: list[int] = []

    def offer(self, published: Published) -> bool:
        self.got.append(published.frame.sequence)
        return False

    def afterwards(self) -> bool:
        return False


class Around:
    """A hub and what it told."""

    def __init__(self) -> None:
        self.now = 0
        self.renditions: tuple[Rendition, ...] = ()
        self.watched: list[bool] = []
        self.hub = Hub(80, self.changed, self.watched.append, clock=lambda: self.now)
        self.hub.found(SOURCE)

    def changed(self, renditions: tuple[Rendition, ...]) -> None:
        self.renditions = renditions

    def publish(self, number: int, captured: int) -> None:
        for rendition in self.renditions:
            rendition.publish(number, captured, captured, captured, (2, 2), b"jpeg")
            rendition.spread()


@pytest.fixture
def around() -> Around:
    return Around()


def test_ten_viewers_in_three_sizes_are_three_renditions(around: Around) -> None:
    wishes = [Plan(), Plan(640, 480), Plan(320, 240)]
    viewers = [Viewer() for _ in range(10)]
    for number, viewer in enumerate(viewers):
        around.hub.watch(viewer, wishes[number % 3])
    assert sorted(rendition.viewers for rendition in around.renditions) == [3, 3, 4]
    assert around.hub.viewers == 10
    for viewer in viewers:
        around.hub.leave(viewer)
    assert around.renditions == ()


def test_different_wishes_with_one_result_share(around: Around) -> None:
    for plan in (Plan(640, 480), Plan(640, 360), Plan(0, 360, fps=60)):
        around.hub.watch(Viewer(), plan)
    assert len(around.renditions) == 1


def test_the_first_and_the_last_are_told_once(around: Around) -> None:
    viewers = [Viewer(), Viewer()]
    for viewer in viewers:
        around.hub.watch(viewer, Plan())
        around.hub.watch(viewer, Plan(640, 480))  # a change of mind is no news
    for viewer in [*viewers, viewers[0]]:
        around.hub.leave(viewer)
    assert around.watched == [True, False]


@pytest.mark.parametrize(("age", "got"), [(40 * MS, [1]), (60 * MS, [])])
def test_who_becomes_ready_gets_the_newest_frame_if_it_is_fresh(around: Around, age: int, got: list[int]) -> None:
    viewer = Viewer()
    around.hub.watch(viewer, Plan())
    around.publish(1, captured=100 * MS)
    around.now = 100 * MS + age
    around.hub.wait(viewer, after=0)
    assert viewer.got == got
    assert bool(around.renditions[0].waiting) is not bool(got)


def test_nobody_gets_the_same_frame_twice(around: Around) -> None:
    viewer = Viewer()
    around.hub.watch(viewer, Plan())
    around.publish(1, captured=100 * MS)
    around.now = 101 * MS
    around.hub.wait(viewer, after=100 * MS)
    assert viewer.got == []
    around.publish(2, captured=133 * MS)
    assert viewer.got == [2]


def test_another_camera_size_moves_everybody_and_keeps_them_waiting(around: Around) -> None:
    big, small = Viewer(), Viewer()
    around.hub.watch(big, Plan())
    around.hub.watch(small, Plan(640, 480))
    for viewer in (big, small):
        around.hub.wait(viewer, after=0)
    around.hub.found(Source(640, 480, 30.0))
    assert [(rendition.plan, rendition.viewers) for rendition in around.renditions] == [(Plan(640, 480), 2)]
    around.publish(1, captured=MS)
    assert (big.got, small.got) == ([1], [1])


def test_who_has_left_is_offered_nothing(around: Around) -> None:
    viewer, other = Viewer(), Viewer()
    for one in (viewer, other):
        around.hub.watch(one, Plan())
        around.hub.wait(one, after=0)
    around.hub.leave(viewer)
    around.publish(1, captured=MS)
    assert (viewer.got, other.got) == ([], [1])


def test_renditions_are_described_with_what_they_cost(around: Around) -> None:
    around.hub.watch(Viewer(), Plan(640, 480, fps=15, quality=50))
    around.publish(1, captured=MS)
    assert around.hub.described() == (
        {"id": 1, "width": 640, "height": 360, "fps": 15, "quality": 50, "viewers": 1, "made": 1},
    )
