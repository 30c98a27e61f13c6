"""The command `probe`."""

from __future__ import annotations

import json

import pytest

from article_server import ArticleServer
from lenswire.errors import ConnectError, NoPicture
from lenswire.messages import Frame, Status
from lenswire.viewer import probe
from lenswire.viewer.reception import UNKNOWN, Received
from scripted_device import KEY, ScriptedDevice


def test_figures_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    status = Status("STREAMING", camera="scripted", encoder="none", encoder_reason="why not", viewers=1, version="1.2")
    with ScriptedDevice(tls=True, key=KEY, status=status) as device:
        assert probe.run(device.target, 0.3, (320, 240), 0.0, True) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["width"], told["height"], told["state"], told["camera"]) == (320, 240, "STREAMING", "scripted")
    assert (told["encoder"], told["encoder_reason"], told["tls"]) == ("none", "why not", True)
    assert told["version"] == "1.2"
    assert (told["device"], told["reconnects"], told["viewers"], told["renditions"]) == ("scripted", 0, 1, 0)
    assert told["frames"] > 1
    assert told["fps"] == pytest.approx((told["frames"] - 1) / told["seconds"], rel=0.01)
    assert told["age_ms"]["p50"] <= told["age_ms"]["p95"] <= told["age_ms"]["p99"] <= told["age_ms"]["max"]
    assert 0 < told["rtt_ms"] < 1000


def test_figures_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedDevice() as device:
        probe.run(device.target, 0.2, None, 0.0, False)
    out = capsys.readouterr().out
    assert "scripted: 64x48, " in out
    assert "age when it is here: p50" in out
    assert "STREAMING: camera scripted, encoder none" in out
    assert "not encrypted, round trip" in out


def test_the_article_tells_no_age(capsys: pytest.CaptureFixture[str]) -> None:
    with ArticleServer(12) as server:
        probe.run(server.target, 0.2, None, 0.0, True)
        probe.run(server.target, 0.2, None, 0.0, False)
    machine, person = capsys.readouterr().out.split("\n", 1)
    assert json.loads(machine)["age_ms"] is json.loads(machine)["rtt_ms"] is None
    assert "not told by this device" in person


def test_no_picture_is_an_error_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "FIRST_PICTURE", 0.2)
    with ScriptedDevice(status=Status("STOPPED", "by hand")) as device, pytest.raises(NoPicture, match="by hand"):
        probe.run(device.target, 1.0, None, 0.0, True)


def test_nobody_there_is_an_error_at_once() -> None:
    with ScriptedDevice() as device:
        target = device.target
    with pytest.raises(ConnectError, match="nothing listens"):
        probe.run(target, 1.0, None, 0.0, True)


def test_every_frame_is_taken_down() -> None:
    seen = probe.Probe()
    for number, (dropped, error) in enumerate([(0, UNKNOWN), (2, 1000), (1, 1000)]):
        frame = Frame(number, 0, 1, 640, 480, 0, 0, bytes(10 * (number + 1)))
        seen.take(Received(frame, received=100 + number, captured=90, clock_error=error, dropped=dropped))
    assert (seen.frames, seen.bytes, seen.dropped, seen.first_received) == (3, 60, 3, 100)
    assert list(seen.ages) == pytest.approx([11e-9, 12e-9])


@pytest.mark.parametrize(
    ("ages", "expected"),
    [
        ([], None),
        ([0.004], {"p50": 4, "p95": 4, "p99": 4, "max": 4}),
        ([n / 1000 for n in range(100, -1, -1)], {"p50": 50, "p95": 95, "p99": 99, "max": 100}),
    ],
)
def test_percentiles(ages: list[float], expected: dict[str, float] | None) -> None:
    assert probe.ages_ms(ages) == expected
