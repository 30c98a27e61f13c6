"""Renditions: which size, which frames, which bytes."""

import pytest

from lenswire import wire
from lenswire.device.rendition import Plan, Published, Rendition, Source
from lenswire.messages import MAX_JPEG, Frame

HD = Source(1280, 720, 30.0)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (Plan(), Plan(1280, 720)),
        (Plan(640, 480), Plan(640, 360)),
        (Plan(640, 0), Plan(640, 360)),
        (Plan(0, 360), Plan(640, 360)),
        (Plan(1920, 1080), Plan(1280, 720)),  # never enlarged
        (Plan(333, 333), Plan(332, 186)),  # even sides: chroma has half of them
        (Plan(1, 1), Plan(2, 2)),
        (Plan(333, 111, exact=True), Plan(333, 111)),  # the article's clients get what they asked for
        (Plan(1920, 1080, exact=True), Plan(1920, 1080)),
        (Plan(fps=15), Plan(1280, 720, 15)),
        (Plan(fps=30), Plan(1280, 720)),  # a limit that limits nothing is none: the work is shared
        (Plan(fps=60), Plan(1280, 720)),
        (Plan(quality=80), Plan(1280, 720)),
        (Plan(quality=30), Plan(1280, 720, 0, 30)),
    ],
)
def test_fit(asked: Plan, given: Plan) -> None:
    assert asked.fit(HD, quality=80) == given


def test_the_camera_s_own_jpeg_has_no_quality_to_choose() -> None:
    compressed = HD._replace(compressed=True)
    assert Plan(quality=30).fit(compressed, 80) == Plan(1280, 720)
    assert Plan(640, 360, quality=30).fit(compressed, 80) == Plan(640, 360, 0, 30)


@pytest.mark.parametrize(
    ("fps", "asked", "expected"), [(30, 15, 150), (25, 15, 150), (30, 30, 300), (30, 1, 10), (60, 24, 240)]
)
def test_the_rate_is_what_was_asked_for(fps: float, asked: float, expected: int) -> None:
    rendition = Rendition(1, Plan(fps=asked))
    due = [rendition.due(int(1e9 * n / fps)) for n in range(int(fps * 10))]
    assert abs(sum(number is not None for number in due) - expected) <= 1


def test_jitter_does_not_halve_the_rate() -> None:
    rendition = Rendition(1, Plan(fps=15))
    jitter = [0, -400_000, 300_000, -200_000]
    due = [rendition.due(10**9 + n * 33_333_333 + jitter[n % 4]) for n in range(300)]
    assert abs(sum(number is not None for number in due) - 150) <= 1


def test_a_pause_is_not_made_up_for() -> None:
    rendition = Rendition(1, Plan(fps=10))
    rendition.due(0)
    due = [rendition.due(10**10 + n * 10**7) for n in range(100)]  # one second at 100 fps, ten seconds later
    assert sum(number is not None for number in due) <= 12


def test_frames_are_numbered_whether_made_or_not() -> None:
    rendition = Rendition(7, Plan())
    assert [rendition.due(n) for n in range(3)] == [1, 2, 3]


class Viewer:
    def __init__(self, room: int = 1) -> None:
        self.got: list[Published] = []
        self.room = room  # frames that it takes until it says no
        self.after: list[int] = []  # how many frames it had each time that it was called afterwards

    def offer(self, published: Published) -> bool:
        self.got.append(published)
        self.room -= 1
        return self.room > 0

    def afterwards(self) -> bool:
        self.after.append(len(self.got))
        return False


def test_the_same_bytes_go_to_all_who_wait_and_to_nobody_else() -> None:
    rendition = Rendition(7, Plan())
    waiting, idle = [Viewer(), Viewer()], Viewer()
    rendition.waiting = dict.fromkeys(waiting)
    rendition.publish(3, captured=5_000_000, begin=6_000_000, end=9_500_000, size=(8, 6), jpeg=b"jpeg")
    rendition.spread()
    assert waiting[0].got[0].data is waiting[1].got[0].data
    assert not idle.got
    assert not rendition.waiting
    header = wire.decode_header(waiting[0].got[0].data)
    assert wire.decode(header, waiting[0].got[0].data[wire.HEADER.size :]) == Frame(
        3, 5_000_000, 7, 8, 6, 1000, 4500, b"jpeg"
    )


def test_who_has_room_is_offered_the_next_one_and_who_has_none_is_not() -> None:
    rendition = Rendition(7, Plan())
    quick, slow = Viewer(3), Viewer(1)
    rendition.waiting = dict.fromkeys((slow, quick))
    for number in (1, 2, 3, 4):
        rendition.publish(number, captured=number, begin=number, end=number, size=(8, 6), jpeg=b"jpeg")
        rendition.spread()
    assert [published.captured for published in quick.got] == [1, 2, 3]
    assert [published.captured for published in slow.got] == [1]


def test_who_says_no_is_called_again_when_all_have_the_frame() -> None:
    rendition = Rendition(7, Plan())
    other, last, seen = Viewer(9), Viewer(9), []

    class Hearing(Viewer):
        def afterwards(self) -> bool:
            seen.append((len(other.got), len(last.got)))
            return len(seen) < 2  # it has found room once

    hearing = Hearing(1)
    rendition.waiting = dict.fromkeys((other, hearing, last))
    for number in (1, 2, 3):
        rendition.publish(number, captured=number, begin=number, end=number, size=(8, 6), jpeg=b"jpeg")
        rendition.spread()
    assert seen == [(1, 1), (2, 2)]
    assert len(hearing.got) == 2
    assert not other.after and not last.after


def test_the_newer_frame_wins_when_the_loop_is_late() -> None:
    rendition = Rendition(7, Plan())
    viewer = Viewer()
    rendition.waiting = {viewer: None}
    for number in (1, 2):
        rendition.publish(number, captured=number, begin=number, end=number, size=(8, 6), jpeg=b"jpeg")
    rendition.spread()
    rendition.spread()  # the call for the first one: nothing is left
    assert [published.frame.sequence for published in viewer.got] == [2]


def test_a_picture_larger_than_the_wire_allows_is_refused() -> None:
    with pytest.raises(ValueError, match=f"{MAX_JPEG + 1} bytes of JPEG, the limit is {MAX_JPEG}"):
        Rendition(7, Plan()).publish(1, 1, 1, 1, (8, 6), bytes(MAX_JPEG + 1))
