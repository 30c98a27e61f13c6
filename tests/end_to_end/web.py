"""A real device that also speaks HTTP, and what other programs of the machine make of it."""

from __future__ import annotations

import subprocess
import urllib.request
from email.message import Message
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from real_device import Device, Serve

from lenswire import stamp
from lenswire.demo import free_port

CAMERA = "--source", "pattern", "--size", "640x480", "--fps", "30"


def serve_web(serve: Serve, *options: str, host: str = "127.0.0.1", **settings: Any) -> tuple[Device, str]:
    """A device, and the address of its HTTP face."""
    port = free_port()
    device = serve(*CAMERA, *options, "--http", f"{host}:{port}", **settings)
    return device, f"127.0.0.1:{port}"


def get(url: str) -> tuple[bytes, Message]:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read(), answer.headers


def captured(picture: NDArray[np.uint8]) -> float | None:
    """When a picture of the test card was captured, by its own stamp: CLOCK_MONOTONIC, s."""
    gray = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    microseconds = stamp.read(gray)
    return None if microseconds is None else microseconds / 1e6


def decoded(data: bytes) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture


def run(*command: str, limit: float = 60.0, told: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=limit, input=told, check=False)
