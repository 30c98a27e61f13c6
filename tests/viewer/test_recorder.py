"""Recording: the JPEGs untouched, at the device's times, whatever happens to stream, device and disk."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import simplejpeg

from eventually import until
from lenswire.errors import LenswireError
from lenswire.messages import Frame
from lenswire.viewer.reception import Received
from lenswire.viewer.recorder import QUEUE, Recorder
from programs import need

MS = 1_000_000
BOOT = 5_000_000 * MS  # what the device's clock shows at the first frame
OURS = 70_000 * MS  # and ours


def jpeg(number: int, size: tuple[int, int] = (64, 48)) -> bytes:
    image = np.full((size[1], size[0], 3), number % 256, np.uint8)
    image[:8, : 1 + number % size[0]] = 255 - number % 256
    return bytes(simplejpeg.encode_jpeg(image, 85, "BGR"))


def frame(
    number: int, milliseconds: float, size: tuple[int, int] = (64, 48), boot: int = BOOT, ours: int = OURS
) -> Received:
    captured = round(milliseconds * MS)
    content = memoryview(jpeg(number, size))
    return Received(
        Frame(number, boot + captured, 1, *size, 0, 0, content), ours + captured + MS, ours + captured, MS, 0
    )


def recorded(path: Path, *frames: Received, **settings: Any) -> Recorder:
    """A recorder that has been given these frames, none dropped, and has ended."""
    recorder = Recorder(path, **settings)
    recorder.start()
    for received in frames:
        until(lambda: recorder._queue.qsize() < QUEUE, "room in the queue")
        recorder.offer(received)
    recorder.stop()
    return recorder


def content(file: Path) -> tuple[list[float], list[bytes]]:
    """Times in ms and packets of a video."""
    with av.open(str(file)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert all(packet.is_keyframe for packet in packets)
        return [float(packet.pts * packet.time_base * 1000) for packet in packets], [bytes(p) for p in packets]


# What is written


def test_packets_are_the_jpegs_at_the_capture_times(tmp_path: Path) -> None:
    times = [0, 33.4, 66.6, 100.2, 400, 401, 5000.4, 12_345.5]
    frames = [frame(number, time) for number, time in enumerate(times)]
    recorder = recorded(tmp_path / "walk.mkv", *frames)
    read_times, packets = content(tmp_path / "walk.mkv")
    assert packets == [bytes(received.frame.jpeg) for received in frames]
    assert read_times == pytest.approx(times, abs=0.51)
    assert (recorder.frames, recorder.dropped, recorder.problem) == (8, 0, "")
    assert recorder.bytes == sum(map(len, packets))
    assert recorder.summary() == f"recorded 8 pictures, 12.3 s, 0.0 MB: {tmp_path / 'walk.mkv'}"


def test_every_player_finds_its_way_in_the_file(tmp_path: Path) -> None:
    recorded(tmp_path / "walk.mkv", *(frame(number, number * 40) for number in range(51)), camera="porch")
    need("ffprobe")
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(tmp_path / "walk.mkv")]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    stream, file = found["streams"][0], found["format"]
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("mjpeg", 64, 48)
    assert file["format_name"].startswith("matroska")
    assert float(file["duration"]) == pytest.approx(2.0, abs=0.1)
    assert file["tags"]["title"] == "porch"
    assert file["tags"]["creation_time"]
    with av.open(str(tmp_path / "walk.mkv")) as container:
        container.seek(1_000_000)
        decoded = next(container.decode(video=0))
        assert (decoded.pts, decoded.width, decoded.key_frame) == (1000, 64, True)


def test_another_size_begins_another_file(tmp_path: Path) -> None:
    frames = [frame(0, 0), frame(1, 40), frame(2, 80, (32, 24)), frame(3, 120, (32, 24)), frame(4, 160)]
    recorder = recorded(tmp_path / "walk.mkv", *frames)
    assert [path.name for path in recorder.files] == ["walk.mkv", "walk-2.mkv", "walk-3.mkv"]
    assert [len(content(path)[1]) for path in recorder.files] == [2, 2, 1]
    assert content(recorder.files[1]) == ([0, 40], [jpeg(2, (32, 24)), jpeg(3, (32, 24))])
    assert recorder.frames == 5


@pytest.mark.parametrize("boot", [0, BOOT + 3_600_000 * MS])
def test_a_device_that_was_restarted_begins_another_file(tmp_path: Path, boot: int) -> None:
    frames = [frame(0, 0), frame(1, 40), frame(2, 9000, boot=boot), frame(3, 9040, boot=boot)]
    recorder = recorded(tmp_path / "walk.mkv", *frames)
    assert [content(path)[0] for path in recorder.files] == [[0, 40], [0, 40]]
    assert recorder.seconds == pytest.approx(0.08)


def test_a_gap_and_a_better_clock_estimate_begin_none(tmp_path: Path) -> None:
    frames = [frame(0, 0), frame(1, 40, ours=OURS + 30 * MS), frame(2, 60_000, ours=OURS - 5 * MS)]
    assert content(recorded(tmp_path / "walk.mkv", *frames).files[0])[0] == [0, 40, 60_000]


def test_a_frame_that_is_not_later_is_dropped_and_counted(tmp_path: Path) -> None:
    recorder = recorded(tmp_path / "walk.mkv", frame(0, 0), frame(1, 40), frame(2, 40.2), frame(3, 20), frame(4, 80))
    assert content(recorder.files[0])[0] == [0, 40, 80]
    assert (recorder.frames, recorder.dropped) == (3, 2)
    assert "3 pictures, 2 dropped" in recorder.summary()


def test_the_file_that_was_named_is_overwritten_but_no_other(tmp_path: Path) -> None:
    (tmp_path / "walk.mkv").write_bytes(b"old")
    (tmp_path / "walk-2.mkv").write_bytes(b"kept")
    recorder = recorded(tmp_path / "walk.mkv", frame(0, 0), frame(1, 40, (32, 24)))
    assert [path.name for path in recorder.files] == ["walk.mkv", "walk-3.mkv"]
    assert (tmp_path / "walk-2.mkv").read_bytes() == b"kept"


# Split by time


def test_a_split_recording_loses_and_doubles_nothing_at_its_seams(tmp_path: Path) -> None:
    times = [number * 33.3333 for number in range(100)]
    frames = [frame(number, time) for number, time in enumerate(times)]
    recorder = recorded(tmp_path / "walk.mkv", *frames, split=1.0)
    parts = [content(path) for path in recorder.files]
    assert [len(packets) for _, packets in parts] == [31, 31, 31, 7]
    assert [packet for _, packets in parts for packet in packets] == [jpeg(number) for number in range(100)]
    assert (recorder.frames, recorder.dropped) == (100, 0)
    begins = [0, 31, 62, 93]
    assert [times_ms[0] for times_ms, _ in parts] == [0, 0, 0, 0]
    read = [times[begin] + time for begin, (times_ms, _) in zip(begins, parts, strict=True) for time in times_ms]
    assert read == pytest.approx(times, abs=1)


def test_each_part_can_be_played_alone_and_tells_when_it_began(tmp_path: Path) -> None:
    need("ffprobe")
    now = time.monotonic_ns() - OURS
    recorder = recorded(tmp_path / "walk.mkv", *(frame(n, n * 40, ours=OURS + now) for n in range(100)), split=2.0)
    assert len(recorder.files) == 2
    begins = []
    for path in recorder.files:
        command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json", path]
        found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        assert found["streams"][0]["nb_read_frames"] == "50"
        begins.append(datetime.fromisoformat(found["format"]["tags"]["creation_time"]))
        stamp = begins[-1].astimezone().strftime("%Y%m%d-%H%M%S")
        assert path.name == f"walk-{stamp}.mkv"
    assert (begins[1] - begins[0]).total_seconds() == pytest.approx(2.0, abs=0.2)


def test_parts_of_one_moment_do_not_overwrite_each_other(tmp_path: Path) -> None:
    recorder = recorded(tmp_path / "walk.mkv", *(frame(number, number * 40) for number in range(10)), split=0.1)
    assert len(set(recorder.files)) == 4
    assert sum(len(content(path)[1]) for path in recorder.files) == 10


def test_a_device_that_was_restarted_begins_another_part(tmp_path: Path) -> None:
    frames = [frame(0, 0), frame(1, 40), frame(2, 9000, boot=0), frame(3, 9040, boot=0)]
    recorder = recorded(tmp_path / "walk.mkv", *frames, split=3600.0)
    assert [content(path)[0] for path in recorder.files] == [[0, 40], [0, 40]]


# What goes wrong


def test_a_full_queue_drops_what_comes_and_counts_it(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "walk.mkv")
    for number in range(QUEUE + 5):  # the disk does nothing yet
        recorder.offer(frame(number, number * 40))
    assert recorder.dropped == 5
    recorder.start()
    until(lambda: recorder.frames == QUEUE, "the queue to be written")
    recorder.stop()
    assert content(recorder.files[0])[1] == [jpeg(number) for number in range(QUEUE)]


def test_after_a_crash_nearly_all_is_there(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "walk.mkv")
    recorder.start()
    for number in range(100):
        until(lambda: recorder._queue.qsize() < QUEUE, "room in the queue")
        recorder.offer(frame(number, number * 100))
    until(lambda: recorder.frames == 100, "the frames to be written")
    shutil.copy(tmp_path / "walk.mkv", tmp_path / "crashed.mkv")
    recorder.stop()
    times, packets = content(tmp_path / "crashed.mkv")
    assert len(packets) >= 95  # so small ones share clusters of 4 kB
    assert packets == [jpeg(number) for number in range(len(packets))]
    assert times == [number * 100 for number in range(len(packets))]


def test_a_full_disk_ends_the_recording_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "walk.mkv"
    path.symlink_to("/dev/full")
    recorder = Recorder(path)
    recorder.start()
    recorder.offer(frame(0, 0))
    until(lambda: recorder.problem, "the disk to be full")
    for number in range(QUEUE + 5):
        recorder.offer(frame(number, number * 40))
    recorder.stop()
    assert recorder.problem == f"{path}: the recording ended: No space left on device"
    assert recorder.dropped == 0  # nobody wants to know any more


def test_a_file_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "walk.mkv").mkdir()
    recorder = recorded(tmp_path / "walk.mkv", frame(0, 0))
    assert recorder.problem == f"{tmp_path / 'walk.mkv'}: the recording ended: Is a directory"


@pytest.mark.parametrize(
    ("name", "sentence"), [("walk.mp4", "expected a name that ends in .mkv"), ("no/walk.mkv", "there is no directory")]
)
def test_what_can_never_be_written_is_said_at_once(tmp_path: Path, name: str, sentence: str) -> None:
    with pytest.raises(LenswireError, match=sentence):
        Recorder(tmp_path / name)


def test_a_recording_of_nothing_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    recorder = recorded(tmp_path / "walk.mkv")
    recorder.stop()
    assert recorder.summary() == "nothing was recorded: no picture came"
    assert not list(tmp_path.iterdir())
