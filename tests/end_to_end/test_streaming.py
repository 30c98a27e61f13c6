"""Camera to eye, through the command line and the Python API, with the age of every picture read out of its pixels."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import simplejpeg
from real_device import Serve, lenswire

import lenswire as package
from eventually import until
from lenswire import stamp
from lenswire.messages import Verb, Watch
from lenswire.viewer.connection import Received, Stream


def true_age(jpeg: bytes) -> float:
    """Seconds since the moment that is drawn into the picture."""
    microseconds = stamp.read(simplejpeg.decode_jpeg(bytes(jpeg), "GRAY")[..., 0])
    assert microseconds is not None, "no stamp can be read in the picture"
    return time.monotonic() - microseconds / 1e6


def test_the_age_that_is_told_is_the_age_in_the_pixels(serve: Serve) -> None:
    device = serve("--source", "pattern", "--size", "640x480")
    with package.connect(device.address) as camera:
        for count, frame in enumerate(camera):
            told, true = frame.age, true_age(frame.jpeg)
            assert told == pytest.approx(true, abs=0.05)
            if count == 10:
                break


@pytest.mark.parametrize("size", [(640, 480), (320, 240), (161, 121)])
def test_the_python_api_gives_pictures_of_the_size_asked_for(serve: Serve, size: tuple[int, int]) -> None:
    device = serve("--source", "pattern", "--size", "640x480")
    with package.connect(device.address, size=size, fps=10) as camera:
        frame = next(iter(camera))
        image = frame.image()
        assert image.shape[:2] == (frame.height, frame.width)
        assert frame.width <= size[0] and frame.height <= size[1]
        assert frame.width > 0.9 * size[0]


def test_a_keyed_device_is_watched_by_its_link_and_by_nothing_less(serve: Serve) -> None:
    device = serve("--source", "pattern", "--size", "320x240", listen="0.0.0.0")
    refused = lenswire("probe", device.address, "--seconds", "1")
    assert refused.returncode == 1
    assert "lenswire pair" in refused.stderr
    done = lenswire("probe", device.link(), "--seconds", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames"] > 0


def test_probe_tells_programs_everything(serve: Serve) -> None:
    device = serve("--source", "pattern", "--size", "640x480", "--fps", "20")
    done = lenswire("probe", device.address, "--seconds", "2", "--json")
    told = json.loads(done.stdout)
    assert {
        "frames",
        "seconds",
        "fps",
        "width",
        "height",
        "mean_bytes",
        "dropped",
        "encoder",
        "camera",
        "state",
    } <= set(told)
    assert set(told["age_ms"]) == {"p50", "p95", "p99", "max"}
    assert (told["width"], told["height"], told["state"]) == (640, 480, "STREAMING")
    assert told["encoder"] == "libjpeg-turbo"


def test_ten_viewers_in_three_sizes_cost_three_renditions(serve: Serve) -> None:
    device = serve("--source", "pattern", "--size", "640x480", "--fps", "10")
    sizes = [(0, 0), (320, 240), (160, 120)]
    counts = [0] * 10

    def counting(number: int) -> Callable[[Received], None]:
        def count(received: Received) -> None:
            counts[number] += 1

        return count

    streams = [Stream(device.target, Watch(*sizes[n % 3]), counting(n)) for n in range(10)]
    for stream in streams:
        stream.start()
    try:
        until(lambda: min(counts) >= 10, "ten frames for each viewer")
        status = device.status()
        made = sum(rendition["made"] for rendition in status["renditions"])
        assert len(status["renditions"]) == 3
        assert sorted(rendition["viewers"] for rendition in status["renditions"]) == [3, 3, 4]
        # One frame for each size, however many look: what the camera gave in this time, three times, at the most.
        assert 30 <= made <= 3 * status["captured"]
    finally:
        for stream in streams:
            stream.stop()
    until(lambda: device.status()["state"] == "READY", "nobody to be watching")


def test_nothing_is_encoded_while_nobody_watches(serve: Serve) -> None:
    device = serve("--source", "pattern", "--size", "320x240")
    until(lambda: device.status()["captured"] > 5, "the camera to run")
    status = device.status()
    assert (status["state"], status["renditions"], status["viewers"]) == ("READY", [], 0)


def test_toggle_stops_the_camera_and_brings_the_picture_back_on_the_same_connection(serve: Serve) -> None:
    device = serve("--source", "pattern", "--size", "320x240")
    frames: list[Received] = []
    stream = Stream(device.target, Watch(), frames.append)
    stream.start()
    try:
        until(lambda: frames, "a picture")
        assert lenswire("toggle", device.address).returncode == 0
        until(lambda: stream.status and stream.status.state == "STOPPED", "the viewer to be told")
        assert "toggle by" in stream.status.reason
        until(lambda: device.status()["captured"] == 0, "the camera to be closed")
        count = len(frames)
        stream.command(Verb.TOGGLE)
        until(lambda: len(frames) > count, "the picture to come back")
        assert stream.statistics.reconnects == 0
    finally:
        stream.stop()


def test_the_viewer_comes_back_when_the_device_does(serve: Serve) -> None:
    device = serve("--source", "pattern", "--size", "320x240")
    frames: list[Received] = []
    stream = Stream(device.target, Watch(), frames.append)
    stream.start()
    try:
        until(lambda: frames, "a picture")
        device.stop(9)
        until(lambda: not stream.connected, "the viewer to notice")
        assert stream.problem
        count = len(frames)
        device.start()
        until(lambda: len(frames) > count, "the picture to come back")
        assert stream.statistics.reconnects == 1
    finally:
        stream.stop()


def test_a_snapshot_is_taken_after_it_was_asked_for(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> None:
    device = serve("--source", "pattern", "--size", "640x480", "--fps", "5")
    file = tmp_path_factory.mktemp("snapshot") / "porch.jpg"
    asked = time.monotonic()
    done = lenswire("snapshot", device.address, "-o", str(file))
    assert done.returncode == 0, done.stderr
    jpeg = file.read_bytes()
    assert simplejpeg.decode_jpeg_header(jpeg)[:2] == (480, 640)
    assert time.monotonic() - true_age(jpeg) > asked


def test_a_snapshot_on_the_device_is_kept_there(serve: Serve) -> None:
    device = serve("--source", "pattern", "--size", "320x240")
    with package.connect(device.address) as camera:
        path = camera.snapshot()
    assert simplejpeg.decode_jpeg_header(Path(path).read_bytes())[:2] == (240, 320)
    assert str(device.folder) in path


def test_the_service_ends_in_order(serve: Serve) -> None:
    device = serve("--source", "pattern", "--size", "320x240")
    stream = Stream(device.target, Watch(), lambda received: None)
    told: list[str] = []
    stream.on_change = lambda: told.append(stream.problem)
    stream.start()
    try:
        until(lambda: stream.connected, "the connection")
        assert device.stop() == 0
        until(lambda: any("shutting down" in problem for problem in told), "the viewer to be told")
    finally:
        stream.stop()
