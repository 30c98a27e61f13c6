"""The yardstick: what plain Python reaches with nothing but the essentials. Not lenswire.

One thread captures (V4L2 by the standard library, libjpeg-turbo by simplejpeg), one serves all viewers through a
selector: non-blocking sends of the newest frame, TCP_NOTSENT_LOWAT. No credit, no sizes, no keys, no status.

    bare.py PORT WIDTH HEIGHT QUALITY MJPG|YUYV|YU12
"""

from __future__ import annotations

import fcntl
import mmap
import os
import selectors
import socket
import struct
import sys
import threading
from collections.abc import Iterator

PORT, WIDTH, HEIGHT, QUALITY = map(int, sys.argv[1:5])
FOURCC = sys.argv[5].encode()
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=f\r\n\r\n"
S_FMT, S_PARM, REQBUFS = 0xC0D05605, 0xC0CC5616, 0xC0145608
QUERYBUF, QBUF, DQBUF, STREAMON = 0xC0585609, 0xC058560F, 0xC0585611, 0x40045612


class Camera:
    """V4L2 with mapped buffers; 64-bit layouts of videodev2.h."""

    def __init__(self) -> None:
        self._device = os.open("/dev/video0", os.O_RDWR | os.O_NONBLOCK)
        self._ask(S_FMT, struct.pack("=I4xII4sI184x", 1, WIDTH, HEIGHT, FOURCC, 1))
        self._ask(S_PARM, struct.pack("=IIIII184x", 1, 0, 0, 1, 30))
        self._ask(REQBUFS, struct.pack("=IIIII", 4, 1, 1, 0, 0))
        self.buffers = [self._map(index) for index in range(4)]
        self._ask(STREAMON, struct.pack("=I", 1))
        self._poll = selectors.DefaultSelector()
        self._poll.register(self._device, READ)

    def newest(self) -> tuple[int, int]:
        """Index and length of the newest filled buffer; older ones go straight back."""
        newest = None
        while True:
            try:
                buffer = self._ask(DQBUF, self._buffer())
            except BlockingIOError:
                if newest:
                    return newest
                self._poll.select()
                continue
            if newest:
                self.give_back(newest[0])
            newest = struct.unpack_from("=I4xI", buffer)

    def give_back(self, index: int) -> None:
        self._ask(QBUF, self._buffer(index))

    def _map(self, index: int) -> mmap.mmap:
        offset, length = struct.unpack_from("=I4xI", self._ask(QUERYBUF, self._buffer(index)), 64)
        self.give_back(index)
        return mmap.mmap(self._device, length, offset=offset)

    def _ask(self, request: int, argument: bytes) -> bytearray:
        answer = bytearray(argument)
        fcntl.ioctl(self._device, request, answer)
        return answer

    @staticmethod
    def _buffer(index: int = 0) -> bytes:
        return struct.pack("=II52xI24x", index, 1, 1)


def jpegs(camera: Camera) -> Iterator[bytes]:
    while True:
        index, length = camera.newest()
        yield camera.buffers[index][:length]
        camera.give_back(index)


def encoded(camera: Camera) -> Iterator[bytes]:
    import numpy as np
    import simplejpeg

    u, v = np.empty((2, HEIGHT // 2, WIDTH // 2), np.uint8)
    while True:
        index, _ = camera.newest()
        pixels = np.frombuffer(camera.buffers[index], np.uint8, WIDTH * HEIGHT * 2).reshape(HEIGHT, WIDTH, 2)
        y = np.ascontiguousarray(pixels[:, :, 0])
        np.copyto(u, pixels[::2, 0::2, 1])
        np.copyto(v, pixels[::2, 1::2, 1])
        camera.give_back(index)
        yield simplejpeg.encode_jpeg_yuv_planes(y, u, v, QUALITY)


def planar(camera: Camera) -> Iterator[bytes]:
    import numpy as np
    import simplejpeg

    luma, half = WIDTH * HEIGHT, (HEIGHT // 2, WIDTH // 2)
    while True:
        index, _ = camera.newest()
        pixels = np.frombuffer(camera.buffers[index], np.uint8, luma * 3 // 2)
        u, v = pixels[luma:].reshape(2, *half)
        yield simplejpeg.encode_jpeg_yuv_planes(pixels[:luma].reshape(HEIGHT, WIDTH), u, v, QUALITY)
        camera.give_back(index)


class Server:
    def __init__(self) -> None:
        self._newest = 0, b""
        self._viewers: set[Viewer] = set()
        self._listener = socket.create_server(("127.0.0.1", PORT), backlog=128)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, READ, self._accept)
        self._captured, self._capture = os.pipe()
        self._selector.register(self._captured, READ, self._spread)

    def run(self, frames: Iterator[bytes]) -> None:
        threading.Thread(target=self._publish, args=(frames,), daemon=True).start()
        while True:
            for key, events in self._selector.select():
                key.data(events)

    def _publish(self, frames: Iterator[bytes]) -> None:
        for number, jpeg in enumerate(frames, 1):
            self._newest = number, b"--f\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(jpeg), jpeg)
            os.write(self._capture, b"\0")

    def _accept(self, events: int) -> None:
        self._viewers.add(Viewer(self._listener.accept()[0], self._selector, self._viewers))

    def _spread(self, events: int) -> None:
        os.read(self._captured, 4096)
        for viewer in list(self._viewers):
            viewer.offer(self._newest)


class Viewer:
    def __init__(self, sock: socket.socket, selector: selectors.BaseSelector, viewers: set[Viewer]) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 16384)
        self._socket, self._selector, self._viewers = sock, selector, viewers
        self._rest, self._sent, self._armed = memoryview(HEAD), 0, False
        self._newest = 0, b""
        selector.register(sock, READ, self._ready)

    def offer(self, newest: tuple[int, bytes]) -> None:
        self._newest = newest
        if not self._armed:
            self._pump()

    def _ready(self, events: int) -> None:
        try:
            if events & READ and not self._socket.recv(4096):
                raise ConnectionResetError
        except OSError:
            self._leave()
            return
        if events & WRITE:
            self._pump()

    def _pump(self) -> None:
        try:
            while self._rest or self._sent != self._newest[0]:
                if not self._rest:
                    self._sent, self._rest = self._newest[0], memoryview(self._newest[1])
                self._rest = self._rest[self._socket.send(self._rest) :]
            self._arm(False)
        except BlockingIOError:
            self._arm(True)
        except OSError:
            self._leave()

    def _arm(self, armed: bool) -> None:
        if armed != self._armed:
            self._selector.modify(self._socket, READ | WRITE if armed else READ, self._ready)
            self._armed = armed

    def _leave(self) -> None:
        self._selector.unregister(self._socket)
        self._viewers.discard(self)
        self._socket.close()


camera = Camera()
Server().run({b"MJPG": jpegs, b"YUYV": encoded, b"YU12": planar}[FOURCC](camera))
