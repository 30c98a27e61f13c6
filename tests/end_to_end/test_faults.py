"""What a year on a shelf brings: the service killed, stopped, without its camera, its disk full, its clock set back.
It streams again by itself, and viewers are never told a lie."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_device import Serve, lenswire
from supervisor import Supervisor

from eventually import until
from lenswire.demo import free_port
from lenswire.device.identity import load_or_make
from lenswire.link import Target
from lenswire.messages import Result, Verb, Watch
from lenswire.viewer.connection import Received, Stream
from programs import need


class Watched:
    """A viewer that stays, and every age that it was told."""

    def __init__(self, port: int) -> None:
        self.frames: list[Received] = []
        self.states: list[str] = []
        self.stream = Stream(Target("127.0.0.1", port), Watch(), self.frames.append)
        self.stream.on_change = self._changed
        self.stream.start()

    def _changed(self) -> None:
        if self.stream.status:
            self.states.append(self.stream.status.state)

    def more(self, count: int = 5) -> None:
        """Wait for so many more pictures; each is as old as it says, which is not very old and never negative."""
        had = len(self.frames)
        until(lambda: len(self.frames) >= had + count, "more pictures")
        ages = [received.age(received.received) for received in self.frames[had:]]
        assert all(0 <= age < 5 for age in ages), ages


@contextlib.contextmanager
def supervised(
    folder: Path, source: str = "pattern", watchdog: float = 60, **environment: str
) -> Iterator[tuple[Supervisor, Watched]]:
    port = free_port()
    command = [sys.executable, "-m", "lenswire.cli", "serve", "--source", source, "--size", "320x240"]
    command += ["--listen", f"127.0.0.1:{port}", "--state-dir", str(folder / "state")]
    supervisor = Supervisor(command, folder, watchdog, environment)
    watched = Watched(port)
    try:
        yield supervisor, watched
    finally:
        watched.stream.stop()
        supervisor.stop()


def test_killed_it_streams_again_to_the_same_viewer(tmp_path: Path) -> None:
    with supervised(tmp_path) as (service, viewer):
        viewer.more()
        service.signal(signal.SIGKILL)
        until(lambda: service.starts == 2, "the restart")
        viewer.more()
        assert viewer.stream.statistics.reconnects == 1


def test_stopped_in_its_tracks_the_watchdog_starts_it_again(tmp_path: Path) -> None:
    with supervised(tmp_path, watchdog=3) as (service, viewer):
        viewer.more()
        assert service.ready.is_set()
        service.signal(signal.SIGSTOP)
        until(lambda: service.starved == 1, "the watchdog")
        viewer.more()


def test_the_watchdog_is_fed_while_idle_and_while_stopped(tmp_path: Path) -> None:
    with supervised(tmp_path, watchdog=2) as (service, viewer):
        viewer.more()
        address = viewer.stream.target.address
        assert lenswire("stop", address).returncode == 0
        time.sleep(3)  # longer than the watchdog would wait
        viewer.stream.stop()
        assert lenswire("start", address).returncode == 0
        time.sleep(3)
        assert (service.starts, service.starved) == (1, 0)


def test_it_ends_in_under_two_seconds(tmp_path: Path) -> None:
    with supervised(tmp_path) as (service, viewer):
        viewer.more()
        assert service.stop() < 2


def test_without_its_camera_it_says_so_and_finds_it_again(tmp_path: Path) -> None:
    pictures, away = tmp_path / "pictures", tmp_path / "away"
    make_pictures(pictures)
    with supervised(tmp_path, f"file:{pictures}") as (service, viewer):
        viewer.more()
        pictures.rename(away)
        until(lambda: viewer.stream.status and viewer.stream.status.state == "FAULT", "the fault to be told")
        assert str(pictures) in viewer.stream.status.reason
        had = len(viewer.frames)
        time.sleep(2)
        assert len(viewer.frames) == had, "pictures of a camera that is gone"
        away.rename(pictures)
        viewer.more()
        assert viewer.states[-1] == "STREAMING"
        assert (service.starts, viewer.stream.statistics.reconnects) == (1, 0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The state directory of a device that has an identity, on a disk of its own; the folder around it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        assert "CI" not in os.environ, mounted.stderr
        pytest.skip("only root may mount a disk")
    (tmp_path / "state").symlink_to(disk)
    load_or_make(tmp_path / "state", "porch")
    yield tmp_path
    subprocess.run(["umount", "-l", str(disk)], check=True)


def snapshot_refused(viewer: Watched) -> str:
    """What the device answers when it cannot keep a snapshot."""
    results: list[Result] = []
    viewer.stream.on_result = results.append
    viewer.stream.command(Verb.SNAPSHOT)
    until(lambda: results, "the answer")
    assert not results[0].ok
    return results[0].text


def test_with_a_full_disk_it_streams_and_says_why_there_is_no_snapshot(small_disk: Path) -> None:
    with contextlib.suppress(OSError), (small_disk / "disk/rubbish").open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    with supervised(small_disk) as (service, viewer):
        viewer.more()
        assert "no space left on device" in snapshot_refused(viewer)
        viewer.more()
        assert (service.starts, viewer.stream.statistics.reconnects) == (1, 0)


def test_with_a_read_only_root_it_streams_and_says_why_there_is_no_snapshot(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk / "disk")], check=True)
    with supervised(small_disk) as (service, viewer):
        viewer.more()
        assert "read-only file system" in snapshot_refused(viewer)
        viewer.more()
        assert (service.starts, viewer.stream.statistics.reconnects) == (1, 0)


def test_its_clock_set_back_a_year_changes_nothing(tmp_path: Path) -> None:
    need("gcc")
    library, clock = tmp_path / "wallclock.so", tmp_path / "clock"
    source = Path(__file__).with_name("wallclock.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    clock.write_text("0")
    with supervised(tmp_path, LD_PRELOAD=str(library), WALLCLOCK=str(clock)) as (service, viewer):
        viewer.more()
        for days in (-365, 365):
            clock.write_text(str(days * 86400))
            viewer.more(30)
        assert (service.starts, viewer.stream.statistics.reconnects) == (1, 0)


def test_new_settings_reach_the_camera_and_drop_nobody(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "lenswire.toml"
    config.write_text('[camera]\nsource = "pattern"\nsize = "320x240"\n')
    device = serve("--config", str(config))
    viewer = Watched(device.port)
    try:
        viewer.more()
        config.write_text('[camera]\nsource = "pattern"\nsize = "640x480"\n')
        device.process.send_signal(signal.SIGHUP)
        until(lambda: viewer.frames[-1].frame.width == 640, "the new size")
        config.write_text("[camera]\nsize = 5\n")
        device.process.send_signal(signal.SIGHUP)
        until(lambda: "the settings stay as they were" in device.log.read_text(), "the complaint")
        viewer.more()
        assert viewer.stream.statistics.reconnects == 0
    finally:
        viewer.stream.stop()


def make_pictures(folder: Path) -> None:
    """A folder of JPEGs: a camera that can be taken away."""
    from lenswire.device.camera import CameraWish
    from lenswire.device.camera.pattern import Pattern
    from lenswire.device.encoder import turbo

    folder.mkdir()
    card = Pattern(CameraWish(160, 120, 30))
    for number in range(3):
        card.grab(1)
        (folder / f"{number}.jpg").write_bytes(turbo.encode(card.picture(), 80))


def test_status_is_one_object_for_programs(serve: Serve) -> None:
    device = serve("--source", "pattern", "--size", "320x240")
    told = json.loads(lenswire("status", device.address, "--json").stdout)
    assert {"state", "reason", "camera", "encoder", "encoder_reason", "fps", "viewers", "renditions"} <= set(told)
