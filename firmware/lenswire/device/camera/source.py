"""Which camera a source means, in the words of the config and of --source."""

from __future__ import annotations

from collections.abc import Mapping

from lenswire.device.camera import Camera, CameraWish
from lenswire.errors import CameraError

EXPECTED = 'expected "auto", "pattern", "file:PATH", "usb" or "usb:WHICH"'
