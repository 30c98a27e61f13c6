"""A V4L2 device that takes pictures: what is agreed on with its driver, and what is said where it cannot be."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import videodev2 as v4l2

from lenswire.errors import LenswireError
from lenswire.viewer.v4l2_output import OutputDevice

YU12, YUYV, MJPG = v4l2.V4L2_PIX_FMT_YUV420, v4l2.V4L2_PIX_FMT_YUYV, v4l2.V4L2_PIX_FMT_MJPEG
TAKES = v4l2.V4L2_CAP_VIDEO_OUTPUT | v4l2.V4L2_CAP_READWRITE


@dataclass
class Driver:
    """What a kernel answers."""

    can: int = TAKES
    pixels: int = 0  # it insists on; 0: takes what it is asked for
    size: tuple[int, int] = (0, 0)
    row: int = 0
    error: int = 0  # at setting the format

    def __call__(self, fd: int, request: int, argument: Any) -> None:
        if request == v4l2.VIDIOC_QUERYCAP:
            argument.capabilities = v4l2.V4L2_CAP_DEVICE_CAPS | TAKES | v4l2.V4L2_CAP_VIDEO_CAPTURE
            argument.device_caps = self.can
            return
        assert request == v4l2.VIDIOC_S_FMT
        assert argument.type == v4l2.V4L2_BUF_TYPE_VIDEO_OUTPUT
        if self.error:
            raise OSError(self.error, "")
        pix = argument.fmt.pix
        assert pix.bytesperline == 0  # the driver's to say
        pix.pixelformat = self.pixels or pix.pixelformat
        pix.width, pix.height = self.size if self.size[0] else (pix.width, pix.height)
        pix.bytesperline = self.row or pix.width * (2 if pix.pixelformat == YUYV else 1)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "video42"
    path.touch()
    yield path


def test_it_is_set_and_written_to(node: Path) -> None:
    output = OutputDevice(node, (641, 481), Driver())
    assert (output.size, output.pixels) == ((640, 480), "yuv420p")
    output.write(b"one")
    output.write(b"two")
    output.close()
    output.close()
    assert node.read_bytes() == b"onetwo"


@pytest.mark.parametrize(
    ("driver", "size", "pixels"),
    [
        (Driver(size=(320, 240)), (320, 240), "yuv420p"),
        (Driver(pixels=YUYV), (640, 480), "yuyv422"),
        (Driver(pixels=YUYV, size=(320, 240), row=640), (320, 240), "yuyv422"),
    ],
)
def test_what_the_driver_insists_on_is_taken(node: Path, driver: Driver, size: tuple[int, int], pixels: str) -> None:
    output = OutputDevice(node, (640, 480), driver)
    assert (output.size, output.pixels) == (size, pixels)
    output.close()


@pytest.mark.parametrize(
    ("driver", "sentence"),
    [
        (Driver(can=v4l2.V4L2_CAP_VIDEO_CAPTURE | v4l2.V4L2_CAP_READWRITE), "it gives pictures and takes none, or"),
        (Driver(can=v4l2.V4L2_CAP_VIDEO_OUTPUT), "it gives pictures and takes none, or"),
        (Driver(pixels=MJPG), "it takes 'MJPG' in rows of 640 bytes: expected YU12 or YUYV, packed"),
        (Driver(row=768), "it takes 'YU12' in rows of 768 bytes"),
        (Driver(error=errno.EBUSY), "another program is writing into it"),
    ],
)
def test_what_cannot_be_is_one_sentence(node: Path, driver: Driver, sentence: str) -> None:
    with pytest.raises(LenswireError, match=f"^{node}: .*{sentence}"):
        OutputDevice(node, (640, 480), driver)
