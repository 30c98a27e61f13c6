"""ARCHITECTURE.md, held: who may import what, and how long a file may be. Every rule is shown to be able to fail."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "firmware" / "lenswire"
FILES = {str(path.relative_to(PACKAGE).with_suffix("")): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}
LONGEST = 280  # lines: what fits into one head

# Imports


def imported(path: str, source: str) -> Iterator[str]:
    """Every module and name that a file imports, absolute, wherever in the file it does so."""
    package = ["lenswire", *path.split("/")[:-1]]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                base = package[: len(package) - node.level + 1] if node.level else []
                module = ".".join([*base, *filter(None, [node.module])])
                yield module
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case ast.Call(func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module")):
                yield from (str(given.value) for given in node.args if isinstance(given, ast.Constant))


def under(path: str, places: str, separator: str) -> bool:
    return any(path == place or path.startswith(place + separator) for place in places.split())


@dataclass(frozen=True, slots=True)
class Ban:
    """Names that must not be imported `within` these files and folders (all, if empty), except in `doors`."""

    names: str
    within: str = ""
    doors: str = ""

    def __call__(self, path: str, source: str) -> list[str]:
        if not self.covers(path):
            return []
        return sorted({name for name in imported(path, source) if under(name, self.names, ".")})

    def covers(self, path: str) -> bool:
        return (not self.within or under(path, self.within, "/")) and not under(path, self.doors, "/")


# Text


def too_long(path: str, source: str) -> list[str]:
    lines = len(source.splitlines())
    return [f"{lines} lines"] if lines > LONGEST else []


def unfinished(path: str, source: str) -> list[str]:
    return re.findall(r"\b(?:TODO|FIXME|XXX|HACK)\b.*", source)


def says_nothing(path: str, source: str) -> list[str]:
    return [part for part in path.split("/") if re.search(r"util|helper|manager|common|misc", part)]


# The table: what is so, what tests it, and a file that would break it

OUTSIDE = "socket asyncio time logging ssl select selectors subprocess"
HARDWARE = "device/camera device/encoder device/panel device/v4l2 device/pipeline device/maker"
LOOP = "device/server device/session device/channel device/hub device/service device/control device/snapshot"
SIDES = "lenswire.device lenswire.viewer"


def dotted(places: str) -> str:
    return " ".join(f"lenswire.{place.replace('/', '.')}" for place in places.split())


TABLE: list[tuple[str, Callable[[str, str], list[str]], str, str]] = [
    (
        "messages, wire, status, protocol, ends and legacy: bytes in, events out",
        Ban(f"{OUTSIDE} threading", within="messages wire status protocol ends legacy"),
        "wire",
        "def f():\n    import time",
    ),
    (
        "viewer/rtp_jpeg: a JPEG in, packets out",
        Ban(f"{OUTSIDE} threading", within="viewer/rtp_jpeg"),
        "viewer/rtp_jpeg",
        "from socket import AF_INET",
    ),
    ("latest knows threads and nothing else", Ban(OUTSIDE, within="latest"), "latest", "import logging.handlers"),
    (
        "what both sides share knows neither",
        Ban(SIDES, within="errors messages wire status protocol ends legacy latest link stamp"),
        "link",
        "from lenswire import device",
    ),
    ("the device knows no viewer", Ban("lenswire.viewer", within="device"), "device/hub", "from ..viewer import clock"),
    ("the viewer knows no device", Ban("lenswire.device", within="viewer"), "viewer/app", "import lenswire.device.hub"),
    (
        "picamera2 only in camera/csi",
        Ban("picamera2 libcamera", doors="device/camera/csi"),
        "device/camera/usb",
        "from picamera2.encoders import MJPEGEncoder",
    ),
    (
        "gpiozero only in panel/gpio",
        Ban("gpiozero lgpio RPi", doors="device/panel/gpio"),
        "device/panel/__init__",
        "import_module('gpiozero')",
    ),
    (
        "ioctls only in device/v4l2 and viewer/v4l2_output, locks in device/durable",
        Ban("fcntl videodev2", doors="device/v4l2 viewer/v4l2_output device/durable"),
        "device/camera/usb",
        "from fcntl import ioctl",
    ),
    ("the toolkit only in viewer/window", Ban("pygame", doors="viewer/window"), "viewer/overlay", "import pygame.font"),
    (
        "PyAV only in viewer/matroska and viewer/virtual_camera",
        Ban("av", doors="viewer/matroska viewer/virtual_camera"),
        "viewer/record",
        "import av",
    ),
    (
        "zeroconf only in device/announce and viewer/neighbours",
        Ban("zeroconf ifaddr", doors="device/announce viewer/neighbours"),
        "viewer/discovery",
        "from zeroconf import Zeroconf",
    ),
    ("aiohttp only in device/web", Ban("aiohttp", doors="device/web"), "device/service", "from aiohttp import web"),
    (
        "Prometheus' client only in device/web/metrics",
        Ban("prometheus_client", doors="device/web/metrics"),
        "device/web/routes",
        "import prometheus_client",
    ),
    (
        "cryptography only in device/identity",
        Ban("cryptography", doors="device/identity"),
        "viewer/dial",
        "from cryptography import x509",
    ),
    (
        "asyncio only at the hub and above it",
        Ban("asyncio", doors=f"{LOOP} device/bell device/systemd device/commands device/web"),
        "device/camera/usb",
        "if True:\n    from asyncio import sleep",
    ),
    (
        "above the hub nobody knows hardware",
        Ban(dotted(HARDWARE), within="device/server device/session device/channel device/hub device/web"),
        "device/session",
        "from lenswire.device import pipeline",
    ),
    (
        "below the hub nobody knows who watches",
        Ban(dotted(LOOP), within=f"{HARDWARE} device/rendition"),
        "device/camera/usb",
        "from ..hub import Hub",
    ),
    ("nothing GPL", Ban("linuxpy v4l2py v4l2 PyQt5 PyQt6"), "device/v4l2/device", "from linuxpy.video import device"),
    ("files are short", too_long, "wire", "pass\n" * (LONGEST + 1)),
    ("nothing is left to do", unfinished, "wire", "# TODO: later"),
    ("a module's name says what it is", says_nothing, "device/utils/image", ""),
]
IDS = [row[0] for row in TABLE]


@pytest.mark.parametrize("rule", [row[1] for row in TABLE], ids=IDS)
def test_the_rule_holds(rule: Callable[[str, str], list[str]]) -> None:
    assert {path: found for path, source in FILES.items() if (found := rule(path, source))} == {}


@pytest.mark.parametrize(("rule", "path", "source"), [row[1:] for row in TABLE], ids=IDS)
def test_the_rule_can_fail(rule: Callable[[str, str], list[str]], path: str, source: str) -> None:
    assert rule(path, source)


@pytest.mark.parametrize("rule", [row[1] for row in TABLE if isinstance(row[1], Ban)])
def test_the_rule_is_about_something(rule: Ban) -> None:
    assert any(rule.covers(path) for path in FILES)
    for place in rule.within.split():
        assert any(under(path, place, "/") for path in FILES) or place == "device/panel", f"{place} is no longer there"


# What a device in passthrough, and a viewer that shows nothing, must not load

HEAVY = {
    "cv2",
    "numpy",
    "simplejpeg",
    "pygame",
    "av",
    "cryptography",
    "hypothesis",
    "zeroconf",
    "aiohttp",
    "prometheus_client",
}
LIGHT = [
    "lenswire",
    "lenswire.cli",
    "lenswire.device.service",
    "lenswire.device.pipeline",
    "lenswire.viewer.connection",
    "lenswire.viewer.recorder",
]


def loaded_by(module: str) -> set[str]:
    """What a fresh interpreter has loaded after importing it."""
    code = f"import sys, {module}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split())


@pytest.mark.parametrize("module", LIGHT)
def test_nothing_heavy_is_loaded_before_it_is_needed(module: str) -> None:
    assert loaded_by(module) & HEAVY == set()


def test_something_heavy_would_be_noticed() -> None:
    assert loaded_by("simplejpeg") & HEAVY == {"simplejpeg", "numpy"}


def test_the_command_line_loads_neither_side() -> None:
    sides = {name for name in loaded_by("lenswire.cli") if under(name, SIDES, ".")}
    assert sides <= {"lenswire.device", "lenswire.viewer", "lenswire.device.commands", "lenswire.viewer.commands"}


# The reader of imports itself


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b, c", {"a.b", "c"}),
        ("from a import b as x", {"a", "a.b"}),
        ("from . import b", {"lenswire.device.camera", "lenswire.device.camera.b"}),
        ("from ...viewer.clock import C", {"lenswire.viewer.clock", "lenswire.viewer.clock.C"}),
        ("importlib.import_module('a.b')", {"a.b"}),
        ("print('import a')", set()),
    ],
)
def test_imports_are_read(source: str, expected: set[str]) -> None:
    assert set(imported("device/camera/usb", source)) == expected
    assert set(imported("device/camera/__init__", source)) == expected
