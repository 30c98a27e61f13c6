"""USB cameras by V4L2 on a fake kernel: what they give, and what can become of them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import simplejpeg
import videodev2 as v4l2

from fake_camera import Damaged, Dropped, Fails, FakeCamera, Silence, Unplugged
from fake_kernel import FakeKernel
from lenswire.device.camera import CameraWish
from lenswire.device.camera.jpeg import DHT, SOS, parse
from lenswire.device.camera.usb import BUFFERS, FAILURES, UsbCamera, UsbOpener
from lenswire.errors import CameraError

FRAMES = [
    simplejpeg.encode_jpeg(np.full((480, 640, 3), level, np.uint8), 80, "BGR", "420") for level in range(0, 240, 8)
]
CUT = FRAMES[0][:-100]
VGA = CameraWish(640, 480, 30)
PERIOD = 1 / 30


def opener(kernel: FakeKernel, which: str = "", wish: CameraWish = VGA, **controls: int) -> UsbOpener:
    return UsbOpener(which, wish, controls, kernel, kernel.clock)


def plugged(*film: Any, **kind: Any) -> tuple[FakeKernel, UsbCamera]:
    """A camera that plays this film, opened."""
    kernel = FakeKernel()
    kernel.plug("/dev/video0", FakeCamera(film, **kind))
    return kernel, opener(kernel)()


def jpegs(camera: UsbCamera, count: int) -> list[bytes | None]:
    return [bytes(camera.picture().jpeg or b"") for _ in range(count) if camera.grab(1)]


def without_tables(data: bytes) -> bytes:
    parts, at = [data[:2]], 2
    while data[at + 1] != SOS:
        length = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        parts += [data[at : at + length]] * (data[at + 1] != DHT)
        at += length
    return b"".join([*parts, data[at:]])


# Frames


def test_jpegs_are_passed_through_untouched() -> None:
    _, camera = plugged(*FRAMES)
    assert (camera.compressed, camera.width, camera.height, camera.fps) == (True, 640, 480, 30)
    assert jpegs(camera, len(FRAMES)) == FRAMES


def test_the_kernels_capture_time_is_kept() -> None:
    kernel, camera = plugged(*FRAMES)
    start = kernel.now
    grabs = [camera.grab(1) for _ in range(3)]
    assert [grab.captured - start for grab in grabs if grab] == pytest.approx(
        [PERIOD * 1e9 * k for k in (1, 2, 3)], abs=1000
    )


def test_a_driver_with_another_clock_is_timed_when_its_frame_comes() -> None:
    kernel, camera = plugged(*FRAMES, monotonic=False)
    grab = camera.grab(1)
    assert grab and grab.captured == kernel.now


def test_no_frame_in_time_gives_none() -> None:
    kernel, camera = plugged(FRAMES[0], Silence())
    assert camera.grab(1)
    before = kernel.now
    assert camera.grab(0.25) is None
    assert kernel.now - before == 250_000_000


def test_who_comes_late_gets_the_newest() -> None:
    kernel, camera = plugged(*FRAMES)
    assert jpegs(camera, 1) == [FRAMES[0]]
    kernel.pass_time(2.5 * PERIOD)
    grab = camera.grab(1)
    assert grab and grab.lost == 1
    assert camera.picture().jpeg == FRAMES[2]


def test_who_comes_very_late_waits_for_a_fresh_one_rather_than_take_the_last_that_found_a_buffer() -> None:
    kernel, camera = plugged(*FRAMES)
    camera.grab(1)
    kernel.pass_time(20.5 * PERIOD)
    grab = camera.grab(1)
    assert grab and kernel.now - grab.captured < PERIOD * 1e9
    assert camera.picture().jpeg == FRAMES[21]
    assert grab.lost == 20


def test_the_picture_stays_while_the_camera_goes_on() -> None:
    kernel, camera = plugged(*FRAMES)
    camera.grab(1)
    kernel.pass_time(1)
    assert camera.picture().jpeg == FRAMES[0]


def test_no_buffer_is_lost_in_a_long_run() -> None:
    kernel, camera = plugged(*itertools.islice(itertools.cycle([*FRAMES, CUT, Dropped(), Fails()]), 3000))
    seen = lost = 0
    while grab := camera.grab(0.5):
        seen, lost = seen + 1, lost + grab.lost
        kernel.pass_time(PERIOD * (seen % 9))
    fake = kernel.plugged["/dev/video0"]
    assert len(fake.queue) == BUFFERS
    assert seen + lost == pytest.approx(3000, abs=10)  # the last few wait unseen


def test_frames_that_the_camera_dropped_are_counted() -> None:
    _, camera = plugged(FRAMES[0], Dropped(), Dropped(), FRAMES[1])
    assert [grab.lost for grab in (camera.grab(1), camera.grab(1)) if grab] == [0, 2]


@pytest.mark.parametrize(
    "bad",
    [CUT, b"", b"\xff\xd8", FRAMES[0][2:], bytes(5000), Damaged(FRAMES[0]), Fails()],
    ids=lambda bad: type(bad).__name__,
)
def test_what_is_not_whole_is_dropped_and_counted(bad: Any) -> None:
    _, camera = plugged(FRAMES[0], bad, bad, FRAMES[1])
    grabs = [camera.grab(1), camera.grab(1)]
    assert [grab.lost for grab in grabs if grab] == [0, 2]
    assert camera.picture().jpeg == FRAMES[1]


def test_of_those_that_wait_the_newest_whole_one_is_taken() -> None:
    kernel, camera = plugged(FRAMES[0], FRAMES[1], CUT, *FRAMES[2:])
    camera.grab(1)
    kernel.pass_time(2.1 * PERIOD)
    assert jpegs(camera, 1) == [FRAMES[1]]


def test_a_driver_that_does_not_number_its_frames_has_what_we_skipped_counted() -> None:
    _, camera = plugged(FRAMES[0], CUT, CUT, *FRAMES, counts=False)
    assert [grab.lost for grab in (camera.grab(1), camera.grab(1)) if grab] == [0, 2]


def test_padding_behind_a_jpeg_is_cut_off() -> None:
    _, camera = plugged(FRAMES[3] + bytes(3000))
    assert jpegs(camera, 1) == [FRAMES[3]]


def test_missing_huffman_tables_are_put_in() -> None:
    _, camera = plugged(without_tables(FRAMES[5]))
    (mended,) = jpegs(camera, 1)
    header = parse(mended or b"")
    assert header and header.tables
    assert (simplejpeg.decode_jpeg(mended, "BGR") == simplejpeg.decode_jpeg(FRAMES[5], "BGR")).all()


def test_nothing_is_copied_while_nobody_looks() -> None:
    """All that a frame costs then is its way through the queue."""
    kernel, camera = plugged(*FRAMES)
    camera.grab(1)
    kernel.calls.clear()
    for _ in range(10):
        camera.grab(1)
    assert set(kernel.calls) == {v4l2.VIDIOC_QBUF, v4l2.VIDIOC_DQBUF}
    assert len(kernel.calls) == 20


# Its end


def test_an_unplugged_camera_is_a_camera_error() -> None:
    _, camera = plugged(FRAMES[0], Unplugged())
    camera.grab(1)
    with pytest.raises(CameraError, match=r"HD Webcam \(/dev/video0\): no such device"):
        camera.grab(1)
    camera.close()
    camera.close()


def test_unplugged_with_a_frame_still_waiting() -> None:
    kernel, camera = plugged(FRAMES[0], FRAMES[1], Unplugged())
    camera.grab(1)
    kernel.pass_time(2.5 * PERIOD)
    with pytest.raises(CameraError, match="no such device"):
        camera.grab(1)


def test_many_eio_in_a_row_are_a_camera_error() -> None:
    _, camera = plugged(FRAMES[0], *[Fails()] * (FAILURES + 1), FRAMES[1])
    camera.grab(1)
    with pytest.raises(CameraError, match="input/output error"):
        camera.grab(1)


def test_it_can_be_closed_with_a_picture_still_looked_at() -> None:
    kernel, camera = plugged(bytes(640 * 480), modes={"GREY": {(640, 480): (30,)}})
    camera.grab(1)
    picture = camera.picture()
    camera.close()
    assert not picture.planes[0].any()
    assert not kernel.opened


@pytest.mark.parametrize("by", ["by_id", "by_path", "bus", "name"])
def test_it_is_found_again_as_another_node_by_whatever_mark_is_left(by: str) -> None:
    kernel = FakeKernel()
    kernel.plug("/dev/video0", FakeCamera([FRAMES[0], Unplugged()]))
    open_it = opener(kernel, "/dev/video0")
    camera = open_it()
    camera.grab(1)
    with pytest.raises(CameraError):
        camera.grab(1)
    camera.close()
    with pytest.raises(CameraError, match="/dev/video0: no such device"):
        open_it()
    others = {"by_id": "usb-other", "by_path": "pci-other", "bus": "usb-9", "name": "Other"}
    kernel.plug("/dev/video1", FakeCamera([FRAMES[1]], **others))
    kernel.plug("/dev/video2", FakeCamera([FRAMES[2]], **{**others, by: getattr(FakeCamera(), by)}))
    assert jpegs(open_it(), 1) == [FRAMES[2]]


def test_silence_and_then_the_same_camera_opened_anew() -> None:
    kernel = FakeKernel()
    kernel.plug("/dev/video0", FakeCamera([FRAMES[0], Silence(), FRAMES[1]]))
    open_it = opener(kernel)
    camera = open_it()
    camera.grab(1)
    assert camera.grab(3) is None
    camera.close()
    assert jpegs(open_it(), 1) == [FRAMES[1]]
