"""One picture, and a full-size one kept on the device: captured after it was asked for, written whole or not at all."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

from lenswire.device.durable import DRAFT, write_whole
from lenswire.device.hub import Hub
from lenswire.device.rendition import Plan, Published
from lenswire.errors import NoPicture

LIMIT = 5.0  # seconds for the picture to come

_saving = threading.Lock()  # one at a time: the button and every viewer may ask


async def take(hub: Hub, directory: Path, keep: int, clock: Callable[[], int] = time.monotonic_ns) -> Path:
    """Save the next full-size picture and return its path; of the pictures there, the newest `keep` stay.

    Raises NoPicture when none comes, OSError when it cannot be written.
    """
    published = await picture(hub, Plan(), after=clock())
    return await asyncio.to_thread(_save, directory, bytes(published.jpeg), keep)


async def picture(hub: Hub, plan: Plan, after: int) -> Published:
    """One picture of the plan, captured after `after` (ns). Raises NoPicture when none comes."""
    shot: asyncio.Future[Published] = asyncio.get_running_loop().create_future()
    wanted = _Wanted(shot)
    hub.watch(wanted, plan)
    hub.wait(wanted, after)
    try:
        return await asyncio.wait_for(shot, LIMIT)
    except TimeoutError:
        raise NoPicture(f"no picture came within {LIMIT:g} s") from None
    finally:
        hub.leave(wanted)


class _Wanted:
    """Waits in the hub like a viewer, for one frame."""

    def __init__(self, picture: asyncio.Future[Published]) -> None:
        self._picture = picture

    def offer(self, published: Published) -> bool:
        if not self._picture.done():
            self._picture.set_result(published)
        return False

    def afterwards(self) -> bool:
        return False


def _save(directory: Path, jpeg: bytes, keep: int) -> Path:
    with _saving:
        return _save_next(directory, jpeg, keep)


def _save_next(directory: Path, jpeg: bytes, keep: int) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for draft in directory.glob(f"*{DRAFT}"):  # the power went
        draft.unlink(missing_ok=True)
    kept = sorted(directory.glob("[0-9]*-*-*.jpg"))
    # Numbered, as the clock of a Pi may go back: the newest is the newest, whatever the time was then.
    number = int(kept[-1].name.split("-")[0]) + 1 if kept else 1
    path = directory / f"{number:06d}-{time.strftime('%Y%m%d-%H%M%S')}.jpg"
    write_whole(path, jpeg)
    for old in [*kept, path][:-keep]:
        old.unlink(missing_ok=True)
    return path
