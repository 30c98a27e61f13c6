"""picamera2 on the virtual Pi: libjpeg-turbo as on a Pi 5, and a stand-in for the VideoCore as on a Pi up to the 4.

libcamera takes the camera that is plugged in for one of its own: it announces YUV 4:2:0 as a Pi's ISP gives it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pictures
import pytest
import release
import simplejpeg
from eye import Eye
from release import CONFIG, Installed
from usb_camera import Frames
from virtual_pi import VirtualPi

from eventually import until

Say = Callable[[str], None]
SIZE = 640, 480
STAND_IN = Path(__file__).parent / "videocore/videocore.c"
DROP_IN = """
[Service]
Environment=LD_PRELOAD=/usr/local/lib/videocore.so VIDEOCORE_CONTROL=/run/lenswire/videocore VIDEOCORE_SIZEIMAGE={size}
"""


@pytest.fixture(scope="module", autouse=True)
def csi(pi: VirtualPi, installed: Installed, frames: Frames) -> Iterator[None]:
    pi.wait_for_ssh()
    pi.ssh(f"cp -p {CONFIG} /run/before.toml")
    release.configure(pi, source="csi", size="640x480", fps=15)
    yield
    pi.ssh(f"cp -p /run/before.toml {CONFIG} && systemctl reload lenswire")
    pi.unplug_camera()
    pi.plug_camera(frames)


def likeness(jpeg: bytes, frames: Frames) -> float:
    """PSNR in dB of the greys, to the picture of the camera's that it is most like."""
    width, height = SIZE
    grey = simplejpeg.decode_jpeg(jpeg, "GRAY")[..., 0].astype(float)
    planes = (np.frombuffer(picture, np.uint8, width * height) for picture in frames["i420", *SIZE])
    error = min(float(np.square(grey - plane.reshape(height, width)).mean()) for plane in planes)
    return 99.0 if error == 0 else 10 * float(np.log10(255**2 / error))


def test_libjpeg_turbo_without_a_videocore(pi: VirtualPi, eye: Eye, frames: Frames, say: Say) -> None:
    eye.picture(limit=120)
    until(lambda: eye.status and eye.status.encoder == "libjpeg-turbo", f"libjpeg-turbo ({eye.status})", 60)
    assert eye.status and "no JPEG encoder" in eye.status.encoder_reason
    seen = [eye.picture() for _ in range(10)]
    psnr = min(likeness(picture.jpeg, frames) for picture in seen)
    say(f"libjpeg-turbo from picamera2's YUV420: {psnr:.1f} dB, {len(seen[0].jpeg)} bytes, {seen[-1].age * 1e3:.0f} ms")
    assert psnr > 35


def test_a_camera_of_libcamera_s_is_lost_and_found(pi: VirtualPi, eye: Eye, frames: Frames) -> None:
    """picamera2 says nothing of it: frames just stop."""
    eye.picture()
    pulled = time.monotonic()
    pi.unplug_camera()
    assert eye.state("FAULT", since=pulled) - pulled < 4.0
    pi.plug_camera(frames)
    eye.picture("a picture of the camera that is back", limit=120)
    assert eye.statistics.reconnects == 0


# The VideoCore


@pytest.fixture
def videocore(pi: VirtualPi, tmp_path: Path) -> Iterator[Callable[[int], None]]:
    """videocore(size): from now on the board has the encoder, with buffers of so many bytes."""
    library = tmp_path / "videocore.so"
    compiler = ["aarch64-linux-gnu-gcc", "-O2", "-fPIC", "-shared", "-o", library, STAND_IN, "-ldl", "-lpthread", "-lm"]
    subprocess.run(compiler, check=True)
    pi.push(library, "/usr/local/lib")

    def begin(size: int = 512 << 10) -> None:
        folder = "/run/systemd/system/lenswire.service.d"
        command = f"mkdir -p {folder} && cat >{folder}/videocore.conf && systemctl daemon-reload"
        pi.ssh(f"{command} && systemctl restart lenswire", stdin=DROP_IN.format(size=size).encode())

    yield begin
    pi.ssh("rm -r /run/systemd/system/lenswire.service.d; systemctl daemon-reload && systemctl restart lenswire")


def test_the_videocore_makes_jpeg_while_somebody_watches(
    pi: VirtualPi, eye: Eye, installed: Installed, frames: Frames, videocore: Callable[[], None], say: Say
) -> None:
    """picamera2's own MJPEGEncoder and its own idea of the board, below our camera."""
    videocore()
    began = since(pi)
    until(lambda: eye.status and eye.status.encoder == "VideoCore JPEG", lambda: f"VideoCore ({eye.status})", 120)
    until(lambda: "VideoCore encoder at work" in log(pi, began), "the encoder to begin", 30)
    time.sleep(2)
    seen = [eye.picture() for _ in range(10)]
    psnr = min(likeness(picture.jpeg, frames) for picture in seen)
    say(f"the VideoCore's stand-in: {psnr:.1f} dB, {len(seen[0].jpeg)} bytes, {seen[-1].age * 1e3:.0f} ms old")
    assert psnr > 30
    assert "encoder at rest" not in log(pi, began)
    eye.stop()
    until(lambda: "encoder at rest" in log(pi, began), "the encoder to rest", 10)
    again = Eye(installed.target(pi))
    again.picture("a picture of the encoder that begins again")
    again.stop()
    assert log(pi, began).count("encoder at work") == 2


def test_a_videocore_that_hangs_is_a_fault_and_comes_back(
    pi: VirtualPi, eye: Eye, videocore: Callable[[], None]
) -> None:
    videocore()
    until(lambda: eye.status and eye.status.encoder == "VideoCore JPEG", "the VideoCore", 120)
    eye.picture()
    connections = eye.statistics.reconnects
    pi.ssh("echo stall >/run/lenswire/videocore")
    stalled = time.monotonic()
    assert eye.state("FAULT", since=stalled) - stalled < 4.0
    assert eye.status and "JPEG encoder hangs" in eye.status.reason
    pi.ssh("rm /run/lenswire/videocore")
    eye.picture("a picture of the encoder that goes on")
    eye.state("STREAMING")
    assert eye.statistics.reconnects == connections, "the service was not to be started anew"


def test_pictures_too_large_for_the_videocore_are_made_smaller(
    pi: VirtualPi, eye: Eye, videocore: Callable[[int], None]
) -> None:
    began, limit = since(pi), 8_000  # bytes: the pictures would be a quarter larger, and then half as large
    videocore(limit)
    until(lambda: eye.status and eye.status.encoder == "VideoCore JPEG", "the VideoCore", 120)
    until(lambda: "do not fit" in log(pi, began), "the word that they do not fit", 30)
    # While it asks for less, libjpeg-turbo serves whoever looks.
    until(lambda: eye.picture() and all(len(seen.jpeg) <= limit for seen in eye.seen[-5:]), "pictures that fit", 60)
    assert eye.status and eye.status.state == "STREAMING"
    assert all(simplejpeg.decode_jpeg_header(seen.jpeg)[:2] == SIZE[::-1] for seen in eye.seen[-5:])


def test_more_than_1920_pixels_are_libjpeg_turbo_s(
    pi: VirtualPi, eye: Eye, videocore: Callable[[], None], frames: Frames
) -> None:
    wide = 2048, 128
    pi.unplug_camera()
    pi.plug_camera({("i420", *wide): [pictures.i420(picture) for picture in pictures.moving(*wide, 8)]}, (15, 5))
    videocore()
    release.configure(pi, source="csi", size="2048x128", fps=15)
    try:
        until(lambda: eye.status and eye.status.width == wide[0], lambda: f"a wide picture: {eye.status}", 120)
        assert eye.status and eye.status.encoder == "libjpeg-turbo" and "1920" in eye.status.encoder_reason
        assert simplejpeg.decode_jpeg_header(eye.picture().jpeg)[:2] == wide[::-1]
    finally:
        pi.unplug_camera()
        pi.plug_camera(frames)
        release.configure(pi, source="csi", size="640x480", fps=15)


def since(pi: VirtualPi) -> str:
    """A place in the device's log."""
    return pi.ssh("journalctl -u lenswire -n 0 --show-cursor").split("cursor: ")[-1].strip()


def log(pi: VirtualPi, cursor: str) -> str:
    return pi.ssh(f"journalctl -u lenswire -o cat --after-cursor='{cursor}'")
