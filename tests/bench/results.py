"""What a run has found, written down: tests/bench/RESULTS.md, with two drawings beside it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from pathlib import Path

from figures import Figures
from moments import SHARES

HERE = Path(__file__).resolve().parent
VIEWERS, LINKS = "cost-of-viewers.png", "age-on-slow-links.png"
COUNTS = 1, 10, 25, 50, 75, 100

PAGE = """# Results of `make bench`

{when}, commit {commit}. {machine}.

Everybody had the same stand-in camera ({fps} frames a second, quality {quality}; 720p where nothing else is said) and
the same viewers, in rounds one after another; medians of so many rounds. The viewers had one core, the servers the
others (but camera to screen, where all had all), and no core was let sleep: `servers.py` says why. All on loopback,
where part of receiving is charged to the sender. Read ratios: nothing of this ran on a Pi. `bar` is what ours should
keep to; `x bare` is times what bare Python takes ([bare.py](bare.py): a hundred lines without features).

![The server's processor against the number of viewers]({viewers})
![The age of the oldest picture against the speed of the link]({links})

From some ten viewers on the curves go straight up. Below that few share what a frame costs whoever watches: a thread
that wakes up with cold caches (two where frames are encoded), the camera's buffer, the message. What TLS adds is some
40 us for each viewer's frame of 90 kB: 17 for AES-256-GCM (`openssl speed` on this machine: 5.3 GB/s), the rest for
its six records, each of which is a system call and a segment of its own. A Pi before the 5 has no instructions for
AES; there it costs several times that.

{table}
"""


def write(figures: Figures, fps: int, quality: int) -> None:
    """The page and its drawings."""
    draw(figures)
    page = PAGE.format(
        when=time.strftime("%d %B %Y, %H:%M UTC", time.gmtime()),
        commit=_output("git", "-C", str(HERE), "rev-parse", "--short", "HEAD"),
        machine=machine(),
        fps=fps,
        quality=quality,
        viewers=VIEWERS,
        links=LINKS,
        table=figures.table(),
    )
    (HERE / "RESULTS.md").write_text(page)


def machine() -> str:
    """What it ran on, in a sentence."""
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    cores = f"{processor[1] if processor else platform.machine()}, {os.cpu_count()} cores"
    gigabytes = int(memory[1]) / 1e6 if memory else 0
    software = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{cores}, {gigabytes:.0f} GB, {software}; {', '.join(filter(None, map(_version, PACKAGES)))}"


PACKAGES = "ustreamer", "gstreamer1.0-tools", "mpv"


def draw(figures: Figures) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    plt.rcParams.update({"figure.figsize": (7, 4), "axes.grid": True, "grid.alpha": 0.3, "font.size": 10})
    for form in ("MJPEG", "YUYV"):
        for peer in figures.peers:
            points = [(count, _percent(figures, peer, form, count)) for count in COUNTS]
            drawn = [(count, percent) for count, percent in points if percent is not None]
            if len(drawn) > 2:
                style = "-o" if form == "MJPEG" else "--s"
                plt.plot(*zip(*drawn, strict=True), style, label=f"{peer}, {form}", markersize=4)
    plt.xlabel("viewers of 720p30")
    plt.ylabel("the server's processor, % of a core")
    _save(VIEWERS)
    for peer in figures.peers:
        ages = [
            figures.median(f"link with {100 * share:g} % of the stream: oldest picture, s", peer)
            for share in (1.0, *SHARES)
        ]
        if all(ages):
            plt.loglog([100, *(100 * share for share in SHARES)], ages, "-o", label=peer, markersize=4)
    plt.gca().invert_xaxis()
    plt.xlabel("what the link carries, % of the stream")
    plt.ylabel("oldest picture, s")
    _save(LINKS)


def _percent(figures: Figures, peer: str, form: str, count: int) -> float | None:
    plural = "s"[: count > 1]
    cost = figures.median(f"{form} 1280x720, {count} viewer{plural}: CPU s per 1000 frames", peer)
    return None if cost is None else cost * count * 30 / 1000 * 100


def _save(name: str) -> None:
    from matplotlib import pyplot as plt

    plt.legend(fontsize=8)
    plt.tight_layout()
    plt.savefig(HERE / name, dpi=110)
    plt.close()


def _version(package: str) -> str:
    version = _output("dpkg-query", "-W", "-f", "${Version}", package)
    return f"{package.split('1.0')[0]} {re.split('[-+]', version)[0]}" if version else ""


def _output(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip()
