"""The servers that are compared: how each is started on the stand-in camera, and what it costs its machine."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
BENCH = Path(os.environ.get("BENCH", "/tmp/lenswire-bench"))
LENSWIRE = os.environ.get("LENSWIRE", str(HERE.parent.parent / ".venv/bin/lenswire"))
FPS, QUALITY = 30, 80
# Viewers have machines of their own, in use. Here they get a core, and the servers the others. Where they share it
# the kernel wakes the viewers on the core of whoever sends, and how old pictures get is up to which of them goes first.
EVERY_CORE = sorted(os.sched_getaffinity(0))
SERVERS_CORES, VIEWERS_CORE = EVERY_CORE[:-1] or EVERY_CORE, EVERY_CORE[-1:]


@contextmanager
def awake() -> Iterator[None]:
    """Let no core sleep, where we may say so (Linux, PM QoS: a wake-up may take no time). A virtual machine's core that
    sleeps between frames is given to others, and comes back with their caches: all figures then vary by two, with who
    else is there."""
    try:
        latency = os.open("/dev/cpu_dma_latency", os.O_WRONLY)
    except OSError as error:
        print(f"cores sleep between frames, and figures vary: /dev/cpu_dma_latency: {error.strerror}", flush=True)
        yield
        return
    try:
        os.write(latency, struct.pack("i", 0))
        yield
    finally:
        os.close(latency)


class Case(NamedTuple):
    """What the camera gives: "MJPEG" (passed through), "YUYV" or "YUV420" (to be encoded)."""

    format: str
    width: int = 1280
    height: int = 720
    fps: int = FPS


@dataclass(frozen=True)
class Peer:
    """A server. `command`: its words, into which the case is put; `copy`, `encode` and `planar` (for YUV420; None: it
    cannot) go in as {mode}."""

    name: str
    command: str
    copy: str = ""
    encode: str = ""
    planar: str | None = ""
    native: bool = False  # speaks our protocol; the others give multipart JPEG, over HTTP or bare TCP
    tls: bool = False

    def words(self, case: Case, port: int) -> list[str]:
        modes = {"MJPEG": self.copy, "YUYV": self.encode, "YUV420": self.planar or ""}
        mode = modes[case.format].format(**case._asdict())
        return self.command.format(**case._asdict(), port=port, mode=mode, quality=QUALITY).split()


_SERVE = (
    f"{LENSWIRE} serve --source usb:/dev/video0 --size {{width}}x{{height}} --fps {{fps}} --quality {{quality}} "
    f"--listen 127.0.0.1:{{port}} --state-dir {BENCH}/state"
)
OURS = Peer("lenswire", _SERVE, native=True)
OURS_TLS = Peer("lenswire, TLS", _SERVE, native=True, tls=True)
BARE = Peer(
    "bare Python",
    f"{sys.executable} {HERE}/bare.py {{port}} {{width}} {{height}} {{quality}} {{mode}}",
    copy="MJPG",
    encode="YUYV",
    planar="YU12",
)
# One worker: with more, a finished picture waits until the next one is captured.
USTREAMER = Peer(
    "ustreamer",
    "ustreamer -d /dev/video0 {mode} -w 1 -r {width}x{height} -f {fps} -q {quality} -s 127.0.0.1 -p {port} "
    "--tcp-nodelay --log-level 0",
    copy="-m MJPEG -c HW",
    encode="-m YUYV",
    planar=None,  # not before 5.x
)
GSTREAMER = Peer(
    "GStreamer",
    "gst-launch-1.0 -q v4l2src device=/dev/video0 ! {mode} ! multipartmux boundary=f ! "
    "tcpserversink host=127.0.0.1 port={port}",
    copy="image/jpeg,width={width},height={height},framerate={fps}/1",
    encode="video/x-raw,format=YUY2,width={width},height={height},framerate={fps}/1 ! jpegenc quality=80",
    planar="video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 ! jpegenc quality=80",
)


class Server:
    """A peer while it runs, with the stand-in camera loaded into it."""

    def __init__(self, peer: Peer, case: Case, cores: list[int] = SERVERS_CORES) -> None:
        self.port = free_port()
        formats = {"MJPEG": "YUYV,MJPG", "YUYV": "YUYV", "YUV420": "YU12"}[case.format]
        self.log = BENCH / f"{peer.name}.log"
        self._log = self.log.open("w")
        self._process = subprocess.Popen(
            ["taskset", "-c", ",".join(map(str, cores)), *peer.words(case, self.port)],
            env=os.environ | camera_environment(formats, case.fps),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *failure: object) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def cpu(self) -> float:
        """Seconds of processor so far, less what the camera's own thread used."""
        return cpu_seconds(self._process.pid)

    def peak_rss(self) -> float:
        """MB at most so far, less the camera's pictures and buffers, which are mapped into the server."""
        return self._memory("VmHWM")

    def rss(self) -> float:
        """MB now, less the same."""
        return self._memory("VmRSS")

    def _memory(self, what: str) -> float:
        root = Path(f"/proc/{self._process.pid}")
        kilobytes = int(re.search(rf"{what}:\s+(\d+)", (root / "status").read_text())[1])
        for mapping in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", (root / "smaps").read_text()):
            if re.search(r"/frames/|memfd:fakev4l2", mapping.split("\n", 1)[0]):
                kilobytes -= int(re.search(r"\nRss:\s+(\d+)", mapping)[1])
        return kilobytes / 1024


def camera_environment(formats: str, fps: int) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(BENCH / "fakev4l2.so"),
        "FAKEV4L2_DIR": str(BENCH / "frames"),
        "FAKEV4L2_FPS": str(fps),
        "FAKEV4L2_FORMATS": formats,
        "PYTHONUNBUFFERED": "1",
    }


def cpu_seconds(pid: int) -> float:
    """Of a process and its children. From schedstat, in ns: a tick of 10 ms is much of what a passed-on frame costs."""
    spent, todo = 0, [pid]
    while todo:
        for task in Path(f"/proc/{todo.pop()}/task").glob("*"):
            try:
                if (task / "comm").read_text() != "fakev4l2\n":
                    spent += int((task / "schedstat").read_text().split()[0])
                todo += map(int, (task / "children").read_text().split())
            except FileNotFoundError:  # it has just ended
                continue
    return spent / 1e9


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def connect(port: int, receive_buffer: int = 0, patience: float = 10.0) -> socket.socket:
    """A connection to a server that may still be starting. Raises OSError when that takes too long."""
    late = time.monotonic() + patience
    while True:
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            sock.connect(("127.0.0.1", port))
        except ConnectionRefusedError:
            sock.close()
            if time.monotonic() > late:
                raise
            time.sleep(0.002)
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
