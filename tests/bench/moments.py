"""More of the benchmark: the first picture, coming back, links of several speeds, what encoders make, a long run."""

from __future__ import annotations

import statistics
import struct
import time
from pathlib import Path

import numpy as np
import servers
import simplejpeg
from figures import Bar, Figures, percentile
from parts import PAUSE, crowd_of
from servers import BENCH, Case, Peer, Server
from viewers import CELL, Crowd, Throttle, arrive

PATIENCE = 10.0  # seconds for a picture
SHARES = 0.5, 0.25, 0.1, 0.05  # of the stream's rate, that a slow viewer's link carries
GLIMPSE = 0.002  # seconds between looks at whether a picture has come
SETTLED = 120.0  # seconds after which memory should grow no more


def first_picture(peer: Peer, case: Case, figures: Figures) -> None:
    """From starting the server to a whole picture at somebody who is waiting for it."""
    began = time.monotonic()
    with Server(peer, case) as server:
        took = _picture(peer, server.port) - began
    figures.add(f"{case.format}: first picture after the start, s", peer.name, took, Bar(1.0))


def return_of_a_viewer(peer: Peer, times: int, figures: Figures) -> None:
    """From connecting to a whole picture, at a server that runs and has another viewer."""
    case = Case("MJPEG")
    took = []
    with Server(peer, case) as server, crowd_of(peer, server, 1) as crowd:
        for number in range(times):
            crowd.watch(0.1 + number / times / servers.FPS)  # at any moment of a frame period
            began = time.monotonic()
            took.append(1000 * (_picture(peer, server.port) - began))
    what = "a viewer returns: first picture, ms"
    # A frame period, three round trips of next to nothing, and what this machine takes for a new connection.
    figures.add(f"{what}, p50", peer.name, percentile(took, 50), Bar(1000 / servers.FPS))
    figures.add(f"{what}, the longest", peer.name, max(took), Bar(1000 / servers.FPS + 10))


def links(peer: Peer, seconds: float, figures: Figures) -> None:
    """Viewers on links that carry a part of the stream, all at once, beside one that carries all of it."""
    case = Case("MJPEG")
    with Server(peer, case) as server, crowd_of(peer, server, 1) as crowd:
        crowd.watch(2)
        fast = crowd.viewers[0]
        fast.forget()
        crowd.watch(2)
        rate = fast.bytes / 2
        late = [Throttle(arrive(peer, server.port, receive_buffer=65536), rate * share) for share in SHARES]
        fast.forget()
        began = time.monotonic()
        crowd.watch(seconds, *late)
        for share, throttle in ((1.0, None), *zip(SHARES, late, strict=True)):
            viewer = throttle.viewer if throttle else fast
            ages = [age / 1000 for at, age in viewer.ages() if at > began + seconds / 2]
            worst = max(ages, default=seconds)
            # What is on its way, and what was due when that began: two transfers, and the reader's own turns.
            bar = Bar(2 / share / servers.FPS + 0.1)
            figures.add(f"link with {100 * share:g} % of the stream: oldest picture, s", peer.name, worst, bar)
            if throttle:
                viewer.socket.close()


def encoders(peer: Peer, case: Case, seconds: float, figures: Figures) -> None:
    """What a picture costs to encode, how many bytes it has, and how near it is to what the camera saw."""
    clip = _luma(case)
    with Server(peer, case) as server, crowd_of(peer, server, 1) as crowd:
        viewer = crowd.viewers[0]
        crowd.watch(1)
        viewer.forget()
        viewer.whole = True
        cpu = server.cpu()
        crowd.watch(seconds)
        cpu = 1000 * (server.cpu() - cpu) / viewer.frames
    pictures = [jpeg for _, jpeg in viewer.samples[:: max(1, len(viewer.samples) // 16)]]
    what = f"{case.format} {case.width}x{case.height} encoded"
    figures.add(f"{what}: CPU ms a frame", peer.name, cpu)
    figures.add(f"{what}: kB a frame", peer.name, viewer.bytes / viewer.frames / 1000)
    figures.add(f"{what}: PSNR of luma, dB", peer.name, statistics.median(_psnr(jpeg, clip) for jpeg in pictures))


def soak(peer: Peer, count: int, seconds: float, figures: Figures) -> None:
    """Memory in a long run: between the time when it has settled and the end."""
    case = Case("MJPEG")
    with Server(peer, case) as server, crowd_of(peer, server, count) as crowd:
        seen = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            crowd.watch(min(60.0, seconds / 10))
            for viewer in crowd.viewers:
                viewer.forget(every=1 << 30)
            seen.append(server.rss())
            print(f"  {len(seen)}: {seen[-1]:.2f} MB", flush=True)
    settled = seen[min(len(seen) // 4, int(SETTLED // 60)) :]
    what = f"{seconds / 60:g} min with {count} viewers"
    figures.add(f"{what}: RSS at the end, MB", peer.name, seen[-1], Bar(32))
    figures.add(f"{what}: grown since it settled, MB", peer.name, settled[-1] - settled[0], Bar(0.25))


def _picture(peer: Peer, port: int) -> float:
    """When somebody who connects now has the first whole picture."""
    viewer = arrive(peer, port)
    time.sleep(PAUSE if peer.tls else 0)
    crowd = Crowd([viewer])
    late = time.monotonic() + PATIENCE
    while not viewer.frames:
        if viewer.ended or time.monotonic() > late:
            raise TimeoutError(f"{peer.name}: no picture")
        crowd.watch(GLIMPSE)
    crowd.close()
    return time.monotonic()


def _luma(case: Case) -> np.ndarray:
    """What the stand-in camera shows, of shape (frames, height, width), without the rows that carry the stamp."""
    suffix, step = ("yuyv", 2) if case.format == "YUYV" else ("yu12", 1)
    raw = Path(BENCH, "frames", f"{case.width}x{case.height}.{suffix}").read_bytes()
    (count,) = struct.unpack_from("<I", raw)
    size = (len(raw) - 4) // count
    pixels = np.frombuffer(raw, np.uint8, count * size, 4).reshape(count, size)[:, 4:]
    luma = pixels[:, : case.width * case.height * step : step].reshape(count, case.height, case.width)
    return luma[:, 2 * CELL :].astype(np.int16)


def _psnr(jpeg: bytes, clip: np.ndarray) -> float:
    """Against the frame of the clip that it is nearest to."""
    luma = simplejpeg.decode_jpeg(jpeg, "GRAY")[2 * CELL :, :, 0].astype(np.int16)
    return max(10 * np.log10(255**2 / np.mean(np.square(frame - luma, dtype=np.float32))) for frame in clip)
