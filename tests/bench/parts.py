"""The parts of the benchmark. Each runs servers and viewers for some seconds, and adds what it saw to the figures."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import servers
from figures import RATIO, Bar, Figures, percentile
from servers import Case, Peer, Server
from viewers import Crowd, Native, Throttle, Viewer, arrive

from lenswire.messages import Status, Watch

FIRST_PICTURE = 10.0  # seconds for a server to begin
WARM_UP = 1.0
PAUSE = 0.005  # seconds between arrivals: GStreamer's backlog of connections is short
# Megabytes with 50 viewers.
RSS = {"MJPEG": Bar(32), "YUYV": Bar(48)}


def fan_out(peer: Peer, case: Case, count: int, seconds: float, figures: Figures) -> None:
    """Many viewers, all of them quick."""
    with Server(peer, case) as server, crowd_of(peer, server, count) as crowd:
        _begin(crowd, every=1 if count < 10 else count // 10)
        cpu = server.cpu()
        crowd.watch(seconds)
        cpu = server.cpu() - cpu
        frames = sum(viewer.frames for viewer in crowd.viewers)
        ages = _ages(crowd)
        what = f"{case.format} {case.width}x{case.height}, {_viewers(count)}"
        for percent in (50, 95, 99):
            bar = RATIO if percent in (50, 99) else None
            figures.add(f"{what}: age p{percent}, ms", peer.name, percentile(ages, percent), bar)
        figures.add(f"{what}: CPU s per 1000 frames", peer.name, 1000 * cpu / frames, RATIO)
        least = min(viewer.frames for viewer in crowd.viewers) / seconds
        figures.add(f"{what}: fps of the last", peer.name, least, Bar(0.97 * servers.FPS, at_least=True))
        if count == 50:
            figures.add(f"{what}: peak RSS, MB", peer.name, server.peak_rss(), RSS[case.format])


def work(case: Case, watches: Sequence[Watch], seconds: float, figures: Figures) -> None:
    """What the device makes for viewers of several wishes, by its own count."""
    with Server(servers.OURS, case) as server, crowd_of(servers.OURS, server, len(watches), watches) as crowd:
        crowd.watch(WARM_UP)
        before = _status(crowd)
        crowd.watch(seconds)
        after = _status(crowd)
    made = sum(each["made"] for each in after.renditions) - sum(each["made"] for each in before.renditions)
    sizes = len(set(watches))
    what = f"{case.format}, {_viewers(len(watches))} in {sizes} size{'s'[: sizes > 1]}: encodes per captured frame"
    figures.add(what, servers.OURS.name, made / (after.captured - before.captured), Bar(1.02 * sizes))


def slow(peer: Peer, seconds: float, figures: Figures) -> None:
    """One viewer who reads at a tenth of the rate, beside five fast ones."""
    case = Case("MJPEG")
    with Server(peer, case) as server, crowd_of(peer, server, 5) as crowd:
        _begin(crowd)
        crowd.watch(3)
        fast_before = _ages(crowd)
        rate = sum(viewer.bytes for viewer in crowd.viewers) / len(crowd.viewers) / 3
        _begin(crowd)
        # With a small receive buffer what is late waits at the server, as behind a narrow link.
        late = arrive(peer, server.port, receive_buffer=65536)
        began = time.monotonic()
        crowd.watch(seconds, Throttle(late, rate / 10))
        fast = _ages(crowd)
        ages = [(at - began, age / 1000) for at, age in late.ages()]
        late.socket.close()
        least = min(viewer.frames for viewer in crowd.viewers) / seconds
    by_time = [
        round(max((age for at, age in ages if begin <= at < begin + 5), default=0), 2)
        for begin in range(0, int(seconds), 5)
    ]
    print(f"  slow viewer of {peer.name}: oldest picture of each 5 s, s: {by_time}", flush=True)
    what = "one at a tenth of the rate"
    # A frame's transfer takes ten frame periods.
    figures.add(f"{what}: oldest picture, s", peer.name, max(age for _, age in ages), Bar(3 * 10 / servers.FPS + 0.1))
    figures.add(f"{what}: oldest after 5 s, s", peer.name, max(age for at, age in ages if at > 5), Bar(0.5))
    figures.add(f"{what}: the others' age p99, ms", peer.name, percentile(fast, 99))
    figures.add(f"{what}: the same without it, ms", peer.name, percentile(fast_before, 99))
    figures.add(f"{what}: the others' least fps", peer.name, least, Bar(0.97 * servers.FPS, at_least=True))


def stalled(peer: Peer, count: int, seconds: float, figures: Figures) -> None:
    """Many viewers who ask for pictures and then never read, beside one who does."""
    case = Case("MJPEG")
    with Server(peer, case) as server, crowd_of(peer, server, 1) as crowd:
        _begin(crowd)
        crowd.watch(seconds)
        before = _ages(crowd)
        memory, rss = _tcp_memory(), server.peak_rss()
        asleep = [_asleep(peer, server) for _ in range(count)]
        crowd.watch(1)
        _begin(crowd)
        crowd.watch(seconds)
        theirs = sum(map(_held, asleep))
        what = f"{count} that never read"
        figures.add(f"{what}: kernel, both ends, MB", peer.name, _tcp_memory() - memory)
        figures.add(f"{what}: kernel, the server's part, MB", peer.name, _tcp_memory() - memory - theirs, Bar(30))
        figures.add(f"{what}: RSS added, MB", peer.name, server.peak_rss() - rss)
        figures.add(f"{what}: age p99 of one who reads, ms", peer.name, percentile(_ages(crowd), 99))
        figures.add(f"{what}: the same without them, ms", peer.name, percentile(before, 99))
        for viewer in asleep:
            viewer.socket.close()


@contextmanager
def crowd_of(peer: Peer, server: Server, count: int, watches: Sequence[Watch] = ()) -> Iterator[Crowd]:
    """So many viewers, who have their first pictures, on a core of their own."""
    os.sched_setaffinity(0, servers.VIEWERS_CORE)
    viewers = []
    for number in range(count):
        viewers.append(arrive(peer, server.port, watches[number] if watches else Watch()))
        time.sleep(PAUSE)
    crowd = Crowd(viewers)
    try:
        late = time.monotonic() + FIRST_PICTURE
        while not all(viewer.frames for viewer in viewers):
            if time.monotonic() > late:
                raise TimeoutError(f"{peer.name}: no picture in {FIRST_PICTURE:g} s; see {server.log}")
            crowd.watch(0.1)
        yield crowd
    finally:
        crowd.close()
        os.sched_setaffinity(0, servers.EVERY_CORE)


def _begin(crowd: Crowd, every: int = 1) -> None:
    """Samples are of every so many frames of a viewer; of no two neighbours the same ones, so that none is left out."""
    crowd.watch(WARM_UP)
    for number, viewer in enumerate(crowd.viewers):
        viewer.forget(every, number % every)


def _ages(crowd: Crowd) -> list[float]:
    """Milliseconds, of all sampled pictures."""
    ages = [age for viewer in crowd.viewers for _, age in viewer.ages()]
    if not ages:
        raise TimeoutError("the pictures have stopped")
    return ages


def _status(crowd: Crowd) -> Status:
    dialect = crowd.viewers[0].dialect
    if not isinstance(dialect, Native) or dialect.status is None:
        raise TimeoutError("the device has not told its status")
    return dialect.status


def _asleep(peer: Peer, server: Server) -> Viewer:
    """Says what a viewer says to get pictures, then nothing more."""
    viewer = arrive(peer, server.port)
    late = time.monotonic() + 1
    while not (isinstance(viewer.dialect, Native) and viewer.dialect.asked) and time.monotonic() < late:
        if not peer.native:
            break
        viewer.read(4096)
        viewer.digest()
    return viewer


def _tcp_memory() -> float:
    """MB of the kernel's memory that all TCP sockets hold."""
    words = Path("/proc/net/sockstat").read_text().split("TCP:")[1].split()
    return int(words[words.index("mem") + 1]) * 4096 / 1e6


def _held(viewer: Viewer) -> float:
    """MB that the kernel holds for the viewer's end: SO_MEMINFO gives what is received, then what is to be sent."""
    received, _, _, _, forward, queued, *_ = struct.unpack("9I", viewer.socket.getsockopt(socket.SOL_SOCKET, 55, 36))
    return (received + forward + queued) / 1e6


def _viewers(count: int) -> str:
    return f"{count} viewer{'s'[: count > 1]}"
