"""What doctor says of USB cameras, on the fake kernel."""

import errno

from fake_camera import FakeCamera, Setting
from fake_kernel import FakeKernel
from lenswire.device.doctor import Fact
from lenswire.device.doctor.usb import usb_facts


def facts(kernel: FakeKernel) -> list[Fact]:
    return list(usb_facts(kernel))  # type: ignore[arg-type]


def test_each_camera_with_its_modes_and_controls() -> None:
    kernel = FakeKernel()
    kernel.plug("/dev/video0", FakeCamera(settings={0x00980900: Setting("Brightness", 5)}))
    camera, modes, controls = facts(kernel)
    assert (camera.topic, modes.topic, controls.topic) == ("USB camera", "modes", "controls")
    assert "/dev/video0" in camera.words
    assert modes.words == "MJPG 640x480 at 30"
    assert controls.words == "brightness = 5 (0 to 255)"
    assert not any(fact.mend for fact in (camera, modes, controls))


def test_no_camera_no_facts() -> None:
    assert facts(FakeKernel()) == []


def test_a_node_that_is_shut_to_this_user_has_a_mend() -> None:
    kernel = FakeKernel()
    kernel.plug("/dev/video0", FakeCamera(opening=errno.EACCES))
    (fact,) = facts(kernel)
    assert "not for this user" in fact.words
    assert "usermod -aG video" in fact.mend
