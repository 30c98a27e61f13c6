"""The bell that the capture thread rings for the event loop."""

import asyncio
import threading

from lenswire.device.bell import Bell


def test_it_is_heard_on_the_loop_however_often_it_is_rung() -> None:
    heard: list[int] = []

    async def listen() -> None:
        bell = Bell(asyncio.get_running_loop(), lambda: heard.append(threading.get_ident()))
        for _ in range(3):
            await asyncio.to_thread(lambda: [bell.ring() for _ in range(100)])
            await asyncio.sleep(0)  # at least one turn of the loop after the last ring
        bell.close()

    asyncio.run(listen())
    assert 3 <= len(heard) <= 300
    assert set(heard) == {threading.get_ident()}


def test_what_is_rung_before_the_loop_looks_is_heard_once() -> None:
    heard: list[int] = []

    async def listen() -> None:
        bell = Bell(asyncio.get_running_loop(), lambda: heard.append(1))
        for _ in range(5):
            bell.ring()
        await asyncio.sleep(0.01)
        bell.close()

    asyncio.run(listen())
    assert heard == [1]
