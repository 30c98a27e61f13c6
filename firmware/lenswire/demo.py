"""`lenswire demo`: a device and a viewer on this one machine, to see it work before there is a Pi."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from lenswire.errors import ConnectError
from lenswire.link import Target
from lenswire.messages import Watch
from lenswire.viewer.connection import Stream

START = 20.0  # seconds for the device to answer: importing OpenCV from a cold disk takes a few
SHOWN = 10.0  # seconds of figures where there is no display


def run(args: Namespace) -> int:
    """Start a device on a recorded clip and show it: in a window, or in figures where there is no display."""
    source = args.source or recorded_clip()
    print(f"device: lenswire serve --source {source}")
    with tempfile.TemporaryDirectory(prefix="lenswire-demo-") as folder, device(source, Path(folder)) as target:
        if has_display():
            return show(target, args.seconds, args.save)
        return tell(target, args.seconds or SHOWN, args.save or Path("lenswire-demo.jpg"))


def recorded_clip() -> str:
    """The source that plays a real recorded clip, or the test card where the clips are not installed."""
    from lenswire.device.camera.file import recorded_clip as find

    clip = find()
    return f"file:{clip}" if clip else "pattern"


def has_display() -> bool:
    """A window can be opened here. Only X11 and Wayland are ever missing."""
    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def show(target: Target, seconds: float | None, save: Path | None) -> int:
    """Open the window."""
    from lenswire.viewer import app

    print("window: q quits, i hides the figures, space pauses, t stops and starts the device, ? shows all keys")
    return app.run([target], seconds=seconds, screenshot=save)


def tell(target: Target, seconds: float, save: Path) -> int:
    """Print live figures, then save a picture to look at."""
    from lenswire.viewer import probe, snapshot

    print(f"no display here: figures for {seconds:g} s instead of the window")
    seen = probe.Probe()
    with Stream(target, Watch(), seen.take) as stream:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            frames = seen.frames
            time.sleep(min(1.0, left))
            age = f"{seen.ages[-1] * 1e3:5.1f} ms old when it is here" if seen.ages else stream.problem
            print(f"  {seen.frames - frames:3} pictures in the last second, {age}", flush=True)
        print(probe.words(probe.figures(seen, stream)))
    print("a picture to look at: ", end="")
    return snapshot.run(target, str(save))


@contextlib.contextmanager
def device(source: str, folder: Path) -> Iterator[Target]:
    """A device of its own on a free port of this machine. Raises ConnectError with what it said last."""
    port = free_port()
    log = folder / "device.log"
    command = [sys.executable, "-m", "lenswire.cli", "serve", "--source", source, "--state-dir", str(folder / "state")]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, "--listen", f"127.0.0.1:{port}"], stderr=output, stdin=subprocess.DEVNULL)
    try:
        wait_until_it_listens(process, port, log)
        yield Target("127.0.0.1", port, name="demo")
    finally:
        process.terminate()
        process.wait()


def wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Raises ConnectError, with the last words of the device, when it ends or does not listen in time."""
    end = time.monotonic() + START
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    words = log.read_text(errors="replace").strip().splitlines()
    raise ConnectError(f"the device did not start: {words[-1] if words else 'it said nothing'}")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
