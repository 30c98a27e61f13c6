"""Snapshots kept on the device."""

import asyncio
import time
from pathlib import Path

import pytest

from lenswire.device import snapshot
from lenswire.device.hub import Hub
from lenswire.device.rendition import Rendition, Source


class Around:
    """A hub whose camera the test is."""

    def __init__(self) -> None:
        self.renditions: tuple[Rendition, ...] = ()
        self.hub = Hub(80, self._changed, lambda watched: None)
        self.hub.found(Source(8, 6, 30.0))

    def _changed(self, renditions: tuple[Rendition, ...]) -> None:
        self.renditions = renditions

    def shoot(self, jpeg: bytes) -> None:
        now = time.monotonic_ns()
        self.renditions[0].publish(1, now, now, now, (8, 6), jpeg)
        self.renditions[0].spread()


async def take(around: Around, directory: Path, jpeg: bytes, keep: int = 9) -> Path:
    task = asyncio.ensure_future(snapshot.take(around.hub, directory, keep))
    while not (around.renditions and around.renditions[0].waiting):
        await asyncio.sleep(0)
    around.shoot(jpeg)
    return await task


def test_the_next_picture_is_kept_whole(tmp_path: Path) -> None:
    async def test() -> None:
        around = Around()
        path = await take(around, tmp_path / "new", b"jpeg")
        assert path.read_bytes() == b"jpeg"
        assert [file.name for file in path.parent.iterdir()] == [path.name]
        assert around.hub.viewers == 0

    asyncio.run(test())


def test_a_picture_from_before_is_not_good_enough(tmp_path: Path) -> None:
    async def test() -> None:
        around = Around()
        viewer = type("Viewer", (), {"offer": lambda self, published: None})()
        around.hub.watch(viewer, snapshot.Plan())
        around.shoot(b"old")
        assert (await take(around, tmp_path, b"new")).read_bytes() == b"new"

    asyncio.run(test())


def test_the_newest_stay(tmp_path: Path) -> None:
    async def test() -> None:
        for number in range(4):
            await take(Around(), tmp_path, b"%d" % number, keep=2)
        assert sorted(file.read_bytes() for file in tmp_path.iterdir()) == [b"2", b"3"]

    asyncio.run(test())


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        asyncio.run(take(Around(), tmp_path / "file", b"jpeg"))


def test_what_a_power_cut_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "000007-20260101-000000.jpg").write_bytes(b"whole")
    (tmp_path / "000008-20260101-000001.jpg.new").write_bytes(b"ha")
    path = asyncio.run(take(Around(), tmp_path, b"jpeg"))
    assert path.name.startswith("000008-")
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".jpg", ".jpg"]


def test_several_at_once_do_not_disturb_one_another(tmp_path: Path) -> None:
    async def test() -> None:
        jpegs = [b"%d" % number for number in range(8)]
        paths = await asyncio.gather(*(take(Around(), tmp_path, jpeg) for jpeg in jpegs))
        assert [path.read_bytes() for path in paths] == jpegs

    asyncio.run(test())
