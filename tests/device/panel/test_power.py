"""Shutting down, with commands that do not."""

from __future__ import annotations

import sys

import pytest

from lenswire.device.panel.power import COMMAND, power_off


def test_it_is_systemd_that_is_asked() -> None:
    assert COMMAND[:2] == ("systemctl", "poweroff")


def test_what_is_granted(caplog: pytest.LogCaptureFixture) -> None:
    assert power_off([sys.executable, "-c", ""])
    assert [record.message for record in caplog.records] == ["! shutting down: the shutdown button was held"]


def test_a_refusal_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert not power_off([sys.executable, "-c", "raise SystemExit('Interactive authentication required.')"])
    assert "said: Interactive authentication required. (a polkit rule may allow it" in caplog.text


def test_so_is_a_machine_without_systemd(caplog: pytest.LogCaptureFixture) -> None:
    assert not power_off(["/nowhere/systemctl"])
    assert "not shut down: [Errno 2] No such file or directory: '/nowhere/systemctl'" in caplog.text
