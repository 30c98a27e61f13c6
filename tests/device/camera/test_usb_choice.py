"""Which USB camera is opened, and in which of its modes."""

from __future__ import annotations

import errno
import logging
from typing import Any

import pytest
import videodev2 as v4l2

from fake_camera import METADATA, FakeCamera
from fake_kernel import FakeKernel
from lenswire.device.camera import CameraWish
from lenswire.device.camera.usb import UsbCamera, UsbOpener
from lenswire.errors import CameraError

DESK = FakeCamera((), "Desk Cam", "usb-0000:b", "usb-B-video-index0", "pci-b-video-index0")


def opener(kernel: FakeKernel, which: str = "", wish: CameraWish = CameraWish()) -> UsbOpener:  # noqa: B008
    return UsbOpener(which, wish, {}, kernel, kernel.clock)


def plugged(**kind: Any) -> UsbCamera:
    kernel = FakeKernel()
    kernel.plug("/dev/video0", FakeCamera(**kind))
    return opener(kernel)()


def test_the_node_that_captures_is_taken_not_its_metadata_twin() -> None:
    kernel = FakeKernel()
    kernel.plug("/dev/video0", FakeCamera(node_caps=METADATA, by_id="usb-Maker_HD_Webcam_1234-video-index1"))
    kernel.plug("/dev/video1", FakeCamera())
    assert opener(kernel)().description == "HD Webcam (/dev/video1)"


def test_what_is_not_on_usb_is_not_taken_for_a_usb_camera_unless_it_is_named() -> None:
    kernel = FakeKernel()
    kernel.plug("/dev/video0", FakeCamera(name="unicam", bus="platform:fe801000.csi", by_id="", by_path=""))
    with pytest.raises(CameraError, match=r"no USB camera found; there is unicam \(/dev/video0\)"):
        opener(kernel)()
    assert opener(kernel, "/dev/video0")().description == "unicam (/dev/video0)"


@pytest.mark.parametrize(
    "which",
    ["/dev/video2", "/dev/v4l/by-id/usb-B-video-index0", "usb-b-video", "pci-b", "usb-0000:b", "DESK"],
)
def test_a_camera_is_chosen_by_any_of_its_marks(which: str) -> None:
    kernel = FakeKernel()
    kernel.plug("/dev/video0", FakeCamera())
    kernel.plug("/dev/video2", DESK)
    assert opener(kernel, which)().description == "Desk Cam (/dev/video2)"


def test_a_camera_that_is_not_there_is_named_with_those_that_are() -> None:
    kernel = FakeKernel()
    kernel.plug("/dev/video0", FakeCamera())
    with pytest.raises(CameraError, match=r"no camera 'porch' found; there is HD Webcam \(/dev/video0\)"):
        opener(kernel, "porch")()
    with pytest.raises(CameraError, match="no USB camera found; there is no camera at all"):
        opener(FakeKernel())()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ({"opening": errno.EACCES}, "/dev/video0: permission denied; .* group video"),
        ({"opening": errno.EPERM}, "/dev/video0: a device policy forbids it: DeviceAllow="),
        ({"refuses": {v4l2.VIDIOC_REQBUFS: errno.EBUSY}}, "HD Webcam .*: another program is using it"),
        ({"refuses": {v4l2.VIDIOC_S_FMT: errno.EBUSY}}, "HD Webcam .*: another program is using it"),
        ({"refuses": {v4l2.VIDIOC_STREAMON: errno.ENOSPC}}, "no bandwidth left"),
        ({"refuses": {v4l2.VIDIOC_STREAMON: errno.EPROTO}}, "HD Webcam .*: protocol error"),
        ({"modes": {"H264": {(640, 480): (30,)}}}, "expected a format among MJPG, .*; it has H264"),
        ({"modes": {}}, "it has none"),
    ],
)
def test_a_camera_that_cannot_be_used_is_one_plain_sentence(kind: dict[str, Any], words: str) -> None:
    kernel = FakeKernel()
    kernel.plug("/dev/video0", FakeCamera(**kind))
    with pytest.raises(CameraError, match=words) as caught:
        opener(kernel)()
    assert "\n" not in str(caught.value)
    assert not kernel.opened


# Which mode

MODES = {
    "YUYV": {(640, 480): (30, 15), (1280, 720): (10,), (1920, 1080): (5,)},
    "MJPG": {(640, 480): (60, 30), (1280, 720): (30, 15), (1920, 1080): (30,)},
    "H264": {(1280, 720): (30,)},
}


@pytest.mark.parametrize(
    ("wish", "modes", "expected"),
    [
        (CameraWish(), MODES, ("MJPG", 1280, 720, 30)),
        (CameraWish(640, 480, 15), MODES, ("MJPG", 640, 480, 30)),
        (CameraWish(640, 480, 60), MODES, ("MJPG", 640, 480, 60)),
        (CameraWish(800, 600, 30), MODES, ("MJPG", 640, 480, 30)),
        (CameraWish(4000, 3000, 5), MODES, ("MJPG", 1920, 1080, 30)),
        (CameraWish(1280, 720, 25), {"YUYV": {(1280, 720): (10,), (640, 480): (30,)}}, ("YUYV", 1280, 720, 10)),
        (
            CameraWish(640, 480, 30),
            {"GREY": {(640, 480): (30,)}, "YUYV": {(640, 480): (29.97,)}},
            ("YUYV", 640, 480, 29.97),
        ),
        (CameraWish(1000, 701, 20), {"NV12": {(16, 1920, 8, 16, 1080, 2): [1, 30]}}, ("NV12", 1000, 700, 20)),
        (CameraWish(9000, 10, 90), {"NV12": {(16, 1920, 8, 16, 1080, 2): [1, 30]}}, ("NV12", 1920, 16, 30)),
    ],
)
def test_the_nearest_mode_is_chosen_and_logged(
    wish: CameraWish, modes: Any, expected: tuple[str, int, int, float], caplog: pytest.LogCaptureFixture
) -> None:
    kernel = FakeKernel()
    fake = kernel.plug("/dev/video0", FakeCamera(modes=modes))
    with caplog.at_level(logging.INFO):
        camera = opener(kernel, wish=wish)()
    assert (fake.format[0], camera.width, camera.height, round(camera.fps, 2)) == expected
    assert f"{expected[0]} {camera.width}x{camera.height}" in caplog.text


def test_a_driver_without_lists_is_asked_and_what_it_makes_of_it_counts() -> None:
    camera = plugged(lists=False, modes={"MJPG": {(320, 240): (30,)}})
    assert (camera.width, camera.height, camera.fps) == (320, 240, 30)


def test_a_driver_without_a_rate_is_believed_to_have_the_one_it_listed() -> None:
    camera = plugged(refuses={v4l2.VIDIOC_S_PARM: errno.ENOTTY}, modes={"MJPG": {(640, 480): (25,)}})
    assert camera.fps == 25
