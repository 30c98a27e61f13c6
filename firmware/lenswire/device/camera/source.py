"""Which camera a source means: the words of --source and of the config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lenswire.device.camera import Camera, CameraWish
from lenswire.errors import CameraError

EXPECTED = (
    "auto, pattern, file:PATH, csi, usb, or usb:WHICH (a node such as /dev/video0, or a part of the camera's name)"
)


def opener(source: str, wish: CameraWish, controls: Mapping[str, Any] | None = None) -> Callable[[], Camera]:
    """What opens the camera, as often as it is called: it knows a USB camera again that returns as another node.

    controls: the camera's own, by the names that V4L2 or libcamera has for them. Raises CameraError when the source
    means nothing.
    """
    kind, colon, rest = source.partition(":")
    if kind == "file" and rest:
        return lambda: _open_file(Path(rest), wish)
    if source == "pattern":
        return lambda: _open_pattern(wish)
    if source == "csi" or (kind == "csi" and rest.isdecimal()):
        return lambda: _open_csi(wish, controls, int(rest or 0))
    if kind == "usb" and bool(rest) == bool(colon):
        return _usb(rest, wish, controls)
    if source == "auto":
        from lenswire.device.camera.auto import Auto

        # USB first: to look for a CSI camera is to import picamera2, which takes seconds and 50 MB.
        return Auto((_usb("", wish, controls), lambda: _open_csi(wish, controls)), wish)
    raise CameraError(f"camera.source: expected {EXPECTED}; got {source!r}")


def open_camera(source: str, wish: CameraWish, controls: Mapping[str, Any] | None = None) -> Camera:
    """Open it once. Raises CameraError."""
    return opener(source, wish, controls)()


def devices_changed(folder: Path = Path("/dev")) -> int:
    """A number that is another one after a camera was plugged in or pulled out: its nodes stand in that folder."""
    return folder.stat().st_mtime_ns


# Each kind is imported only when it is used: a camera that makes JPEG needs neither numpy nor OpenCV.


def _open_file(path: Path, wish: CameraWish) -> Camera:
    from lenswire.device.camera.file import open_file

    return open_file(path.expanduser(), wish)


def _open_pattern(wish: CameraWish) -> Camera:
    from lenswire.device.camera.pattern import Pattern

    return Pattern(wish)


def _open_csi(wish: CameraWish, controls: Mapping[str, Any] | None, number: int = 0) -> Camera:
    from lenswire.device.camera.csi import Csi

    return Csi(wish, controls, number)


def _usb(which: str, wish: CameraWish, controls: Mapping[str, Any] | None) -> Callable[[], Camera]:
    from lenswire.device.camera.usb import UsbOpener

    return UsbOpener(which, wish, controls or {})
