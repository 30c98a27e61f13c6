"""A viewer's socket: what was begun is finished before anything else begins."""

import asyncio
import socket

from served import run

from lenswire.device.channel import Channel


class Owner:
    def __init__(self) -> None:
        self.room = asyncio.Event()

    def received(self, data: bytes) -> None: ...

    def writable(self) -> None:
        self.room.set()

    def ended(self, reason: str) -> None: ...


def test_no_frame_begins_while_a_part_of_an_answer_waits() -> None:
    """Nor if there is room already, and the loop only does not know it yet."""

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
            peer.connect(listener.getsockname())
            sock, _ = listener.accept()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 12)
            sock.setblocking(False)
            owner = Owner()
            channel = Channel(asyncio.get_running_loop(), sock, owner)
            said = 0
            while not channel.busy:
                channel.send(b"a" * 3000)
                said += 3000
            assert channel.begin(b"f" * 10) is None
            heard = bytearray()
            for _ in range(100):  # makes room, while the loop is kept from seeing it
                peer.settimeout(0.01)
                try:
                    heard += peer.recv(1 << 12)
                except TimeoutError:
                    break
            assert len(heard) < said and channel.begin(b"f" * 10) is None
            await owner.room.wait()
            assert channel.begin(b"f" * 10) == 0
            peer.settimeout(5)
            while len(heard) < said + 10:
                heard += peer.recv(1 << 12)
            assert heard == b"a" * said + b"f" * 10
            channel.abort("")

    run(test)
