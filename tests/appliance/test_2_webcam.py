"""`lenswire view --v4l2`: other programs have the camera as a webcam, by v4l2loopback on the unchanged kernel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from usb_camera import Frames
from virtual_pi import VirtualPi

from eventually import until

HERE = Path(__file__).parent
SIZE = 640, 480
LENSWIRE = "PYTHONPATH=/root/webcam /opt/lenswire/current/bin/lenswire"
LOG = "/tmp/webcam.log"


@pytest.fixture
def webcam(pi: VirtualPi, image: Path, tmp_path: Path) -> Iterator[str]:
    """A device that takes pictures, and PyAV, which a device does not have. Nothing of it is left behind: a viewer that
    went on would keep the camera streaming through the tests that follow."""
    pi.wait_for_ssh()
    kernel = pi.ssh("uname -r").strip()
    module = image / f"v4l2loopback-{kernel}.ko"
    if not module.exists():
        subprocess.run(["bash", HERE / "loopback.sh", kernel, module], check=True, stdout=sys.stderr)
    pi.push(module, "/root/webcam")
    wanted = ["--only-binary=:all:", "--no-deps", "--platform=manylinux_2_28_aarch64", "--python-version=3.13"]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, *wanted, "-d", tmp_path, "av"], check=True, stdout=sys.stderr)
    (wheel,) = tmp_path.glob("av-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "av")
    pi.push(tmp_path / "av", "/root/webcam")
    pi.ssh(f"modprobe videodev && insmod /root/webcam/{module.name} video_nr=42 exclusive_caps=1 card_label=lenswire")
    yield "/dev/video42"
    pi.ssh("pkill -f 'view --v4l[2]'", check=False)
    until(lambda: pi.ssh("lsmod | grep v4l2loopback && rmmod v4l2loopback", check=False) == "", "the module's end", 30)


def test_another_program_has_it_as_a_webcam(
    pi: VirtualPi, webcam: str, frames: Frames, tmp_path: Path, say: Callable[[str], None]
) -> None:
    link = pi.ssh("sudo lenswire pair --host 127.0.0.1", user="pi").strip()
    view = f"{LENSWIRE} view --v4l2"
    pi.ssh(f"({view} {webcam} '{link}' >{LOG} 2>&1 & echo $! >/tmp/webcam.pid)")
    until(lambda: "Ctrl-C ends it" in pi.ssh(f"cat {LOG}"), lambda: f"the webcam: {pi.ssh(f'cat {LOG}')}", 120)
    stream = "--stream-mmap --stream-count=20 --stream-to=/tmp/webcam.yuv"  # it fails with 0
    pi.ssh(f"v4l2-ctl -d {webcam} {stream} && test -s /tmp/webcam.yuv", limit=60)
    written = np.frombuffer(pi.ssh_bytes("cat /tmp/webcam.yuv"), np.uint8).reshape(-1, SIZE[1] * 3 // 2, SIZE[0])
    numbers = [number_of(picture, frames) for picture in written]
    assert len(set(numbers)) > 5, numbers  # it moves
    say(f"pictures {numbers} of 24 at {webcam}")

    busy = pi.ssh(f"{view} {webcam} '{link}' 2>&1", check=False)
    assert "another program is writing into it" in busy
    stranger = f"su nobody -s /bin/sh -c 'test -r {webcam} || echo kept from strangers'"
    assert "kept from strangers" in pi.ssh(stranger)
    pi.ssh("kill $(cat /tmp/webcam.pid)")
    until(lambda: not pi.ssh("pgrep -F /tmp/webcam.pid", check=False), "its end", 30)


def number_of(picture: NDArray[np.uint8], frames: Frames) -> int:
    """Which of the camera's it is, by its luma; what it takes and gives back of the range is no more than rounding."""
    luma = picture[: SIZE[1]].astype(float)
    planes = (np.frombuffer(raw, np.uint8)[: luma.size].reshape(luma.shape) for raw in frames["i420", *SIZE])
    errors = [float(np.abs(luma - (16 + plane * (219 / 255))).mean()) for plane in planes]
    assert min(errors) < 3, min(errors)
    return errors.index(min(errors))
