"""The commands of the device as its owner gives them on an appliance: by name, with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from lenswire.cli import main
from lenswire.device import commands
from lenswire.device.doctor.camera import Measured
from lenswire.device.identity import load_or_make
from lenswire.errors import CameraError


@pytest.fixture
def appliance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with lenswire as a service."""
    monkeypatch.setattr(commands, "CONFIG", tmp_path / "lenswire.toml")
    monkeypatch.setattr(commands, "STATE", tmp_path / "state")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "own"))
    (tmp_path / "lenswire.toml").write_text(
        'name = "porch"\n[server]\nlisten = ":8899"\n[camera]\nsource = "pattern"\n'
    )
    load_or_make(tmp_path / "state", "porch")
    return tmp_path


def test_pair_gives_the_link_of_the_service(appliance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pair", "--host", "porch.local"]) == 0
    said = capsys.readouterr().out
    identity = load_or_make(appliance / "state", "porch")
    assert "@porch.local:8899/" in said
    assert not (appliance / "own").exists()
    assert main(["pair", "--host", "porch.local", "--state-dir", str(appliance / "other")]) == 0
    assert capsys.readouterr().out != said
    assert load_or_make(appliance / "state", "porch") == identity


def test_pair_says_who_may_read_what_the_service_keeps(appliance: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (appliance / "state/key").unlink()
    (appliance / "state/key").mkdir()
    assert main(["pair"]) == 1
    assert "sudo lenswire pair" in capsys.readouterr().err


def test_doctor_looks_at_what_the_service_is_told(
    appliance: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(*_: object) -> Measured:
        raise CameraError("not measured here")

    monkeypatch.setattr("lenswire.device.doctor.camera.measure", measure)
    assert main(["doctor"]) == 1
    assert "test card, 1280x720" in capsys.readouterr().out


def test_without_a_service_nothing_else_is_looked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "CONFIG", tmp_path / "none.toml")
    monkeypatch.setattr(commands, "STATE", tmp_path / "none")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "own"))
    assert main(["pair", "--host", "porch.local"]) == 0
    assert "@porch.local:8880/" in capsys.readouterr().out
    assert (tmp_path / "own/lenswire/key").exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('[camera]\nsource = "bogus"', "camera.source: expected auto, pattern, file:PATH"),
        ('[server]\nlisten = ":8880"\nlegacy = true', "it needs server.open"),
        ("[camera]\nfps = -1", "camera.fps: expected a number"),
    ],
)
def test_check_finds_what_serve_would_refuse(
    settings: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "lenswire.toml"
    config.write_text(settings)
    assert main(["check", str(config)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"lenswire: {config}: ") and words in said
    config.write_text('[camera]\nsource = "usb"\n[server]\nlegacy = true')
    assert main(["check", str(config)]) == 0
