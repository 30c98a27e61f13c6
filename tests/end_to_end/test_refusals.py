"""Everything that a user can get wrong is one plain sentence, at once, and no traceback."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from real_device import Serve, lenswire

from lenswire.demo import free_port


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("probe", "127.0.0.1:1"), "nothing listens there"),
        (("probe", "no such target"), "cannot read 'no such target' as a target"),
        (("probe", "no-such-host.invalid"), "no host named"),
        (("snapshot", "127.0.0.1:1", "-o", "x.jpg"), "nothing listens there"),
        (("record", "127.0.0.1:1", "-o", "/nowhere/x.mkv"), "there is no directory /nowhere"),
        (("status", "127.0.0.1:1"), "nothing listens there"),
        (("check", "/nowhere.toml"), "/nowhere.toml: no such file"),
        (("serve", "--config", "/nowhere.toml"), "/nowhere.toml: no such file"),
        (("serve", "--quality", "101"), "camera.quality: expected a whole number from 1 to 100"),
        (("serve", "--size", "big"), "camera.size: expected WIDTHxHEIGHT"),
        (("serve", "--source", "nonsense"), "camera.source: expected auto, pattern, file:PATH"),
        (("serve", "--listen", "0.0.0.0:8880", "--legacy"), "--open"),
        (("serve", "--http", "everywhere"), "server.http: expected HOST:PORT"),
        (("cameras", "add", "lenswire://half@porch/half", "--name", "porch"), "expected 43 characters, got 4"),
        (("cameras", "remove", "porch"), "no camera named 'porch'"),
    ],
)
def test_one_sentence(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    done = lenswire(*arguments, XDG_CONFIG_HOME=str(tmp_path), XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 1, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("lenswire: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("probe", "x", "--size", "big"),
        ("probe", "x", "--fps", "0"),
        ("nothing",),
        (),
        ("probe", "x", "--seconds", "-1"),
    ],
)
def test_wrong_usage_is_2(arguments: tuple[str, ...]) -> None:
    done = lenswire(*arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "serve",
        "pair",
        "check",
        "view",
        "probe",
        "snapshot",
        "record",
        "start",
        "stop",
        "toggle",
        "status",
        "cameras",
        "demo",
    ],
)
def test_help_explains_with_an_example(command: str) -> None:
    done = lenswire(command, "--help")
    assert done.returncode == 0
    assert f"example:\n  {'sudo ' if command == 'pair' else ''}lenswire {command}" in done.stdout


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        done = lenswire("serve", "--listen", f"127.0.0.1:{port}", "--state-dir", str(tmp_path))
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"lenswire: cannot listen on 127.0.0.1:{port}: address already in use" in done.stderr


@pytest.mark.parametrize(
    ("source", "words"),
    [("file:/nowhere.mp4", "/nowhere.mp4"), ("usb:/dev/video99", "/dev/video99")],
)
def test_a_camera_that_cannot_be_opened_is_said_and_the_service_goes_on(serve: Serve, source: str, words: str) -> None:
    device = serve("--source", source)
    status = device.status()
    assert status["state"] == "FAULT"
    assert words in status["reason"]
    assert "Traceback" not in device.log.read_text()


def test_who_waits_in_vain_for_a_picture_is_told_why(serve: Serve) -> None:
    done = lenswire("probe", serve("--source", "file:/nowhere.mp4").address, "--seconds", "1")
    assert done.returncode == 1
    assert "/nowhere.mp4" in done.stderr


def test_a_wrong_key_and_a_wrong_fingerprint(serve: Serve) -> None:
    device, other = (serve("--source", "pattern", "--size", "320x240", listen="0.0.0.0") for _ in range(2))
    key, rest = device.link().removeprefix("lenswire://").split("@")
    other_key, other_rest = other.link().removeprefix("lenswire://").split("@")
    fingerprint = other_rest.split("/")[1]
    for link, words in (
        (f"lenswire://{other_key}@{rest}", "wrong key"),
        (f"lenswire://{key}@{rest.split('/')[0]}/{fingerprint}", "wrong fingerprint"),
    ):
        done = lenswire("probe", link, "--seconds", "1")
        assert done.returncode == 1
        assert words in done.stderr
        assert key not in done.stderr
    assert lenswire("probe", device.link(), "--seconds", "1").returncode == 0
