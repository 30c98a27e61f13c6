"""V4L2 itself: the numbers that videodev2 lacks, and a camera's own settings."""

from __future__ import annotations

import ctypes
import errno

import pytest
import videodev2 as v4l2

from fake_camera import FakeCamera, Setting
from fake_kernel import FakeKernel
from lenswire.device.camera import CameraWish
from lenswire.device.camera.usb import UsbCamera, UsbOpener
from lenswire.device.v4l2 import modes
from lenswire.errors import CameraError

EXPOSURE_AUTO, BRIGHTNESS, CLASS, OLD = 0x9A0901, 0x980900, 0x9A0001, 0x980910
SETTINGS = {
    BRIGHTNESS: ("Brightness", 100),
    EXPOSURE_AUTO: ("Exposure, Auto", 3),
}


def camera(**controls: int) -> tuple[FakeCamera, UsbCamera]:
    kernel = FakeKernel()
    menu = {1: "Manual Mode", 3: "Aperture Priority Mode"}
    fake = FakeCamera(
        settings={
            BRIGHTNESS: Setting("Brightness", 100, flags=v4l2.V4L2_CTRL_FLAG_INACTIVE),
            OLD: Setting("Gone", 0, flags=v4l2.V4L2_CTRL_FLAG_DISABLED),
            CLASS: Setting("Camera Controls", 0, kind=v4l2.V4L2_CTRL_TYPE_CTRL_CLASS),
            EXPOSURE_AUTO: Setting("Exposure, Auto", 3, 0, 3, v4l2.V4L2_CTRL_TYPE_MENU, menu=menu),
        }
    )
    kernel.plug("/dev/video0", fake)
    return fake, UsbOpener("", CameraWish(), controls, kernel, kernel.clock)()


@pytest.mark.parametrize(
    ("struct", "number", "request_code"),
    [(modes.FrameSize, 74, modes.ENUM_FRAMESIZES), (modes.FrameInterval, 75, modes.ENUM_FRAMEINTERVALS)],
)
def test_our_own_structs_have_the_size_that_is_in_their_ioctl(
    struct: type[ctypes.Structure], number: int, request_code: int
) -> None:
    reads_and_writes = 3
    assert request_code == reads_and_writes << 30 | ctypes.sizeof(struct) << 16 | ord("V") << 8 | number


def test_controls_are_listed_by_name_with_their_limits_and_choices() -> None:
    _, opened = camera()
    brightness, exposure = opened.list_controls()
    assert (brightness.name, brightness.value, brightness.minimum, brightness.maximum) == ("brightness", 100, 0, 255)
    assert (brightness.locked, exposure.locked) == (True, False)
    assert exposure.name == "exposure_auto"
    assert exposure.choices == {1: "Manual Mode", 3: "Aperture Priority Mode"}


def test_a_control_is_set_by_name() -> None:
    fake, opened = camera()
    opened.set_control("exposure_auto", 1)
    assert fake.settings[EXPOSURE_AUTO].value == 1


def test_a_control_that_is_not_there_is_named_with_those_that_are() -> None:
    _, opened = camera()
    with pytest.raises(CameraError, match="no control 'zoom'; it has brightness, exposure_auto"):
        opened.set_control("zoom", 1)


def test_a_value_out_of_range_is_refused_in_words() -> None:
    _, opened = camera()
    with pytest.raises(CameraError, match="exposure_auto: expected 0 to 3, got 9"):
        opened.set_control("exposure_auto", 9)


def test_a_refusal_by_the_driver_is_told() -> None:
    fake, opened = camera()
    fake.refuses[v4l2.VIDIOC_S_CTRL] = errno.EIO
    with pytest.raises(CameraError, match="brightness = 5: input/output error"):
        opened.set_control("brightness", 5)


def test_controls_of_the_config_are_set_when_it_opens_and_a_wrong_one_is_only_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fake, _ = camera(zoom=3, exposure_auto=1)
    assert fake.settings[EXPOSURE_AUTO].value == 1
    assert "no control 'zoom'" in caplog.text


def test_a_camera_without_controls_has_none() -> None:
    kernel = FakeKernel()
    kernel.plug("/dev/video0", FakeCamera(refuses={v4l2.VIDIOC_QUERYCTRL: errno.ENOTTY}))
    assert UsbOpener("", CameraWish(), {}, kernel, kernel.clock)().list_controls() == []
