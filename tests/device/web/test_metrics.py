"""The device in Prometheus' terms."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from lenswire.device.web import Counters
from lenswire.device.web.metrics import Metrics
from lenswire.messages import Status

STATUS = Status(
    "STREAMING", "", "C920", "libjpeg-turbo", "no choice", 640, 480, 29.97, 100, 3, 2, ({}, {}), 9.0, "0.1.0"
)


def samples(root: Path, status: Status = STATUS, newest: int = 4_000_000_000) -> dict[str, float]:
    counters = Counters(made=90, lost=1, snapshots=4, newest=newest)
    metrics = Metrics("porch", lambda: status, lambda: counters, {200: 7, 401: 2}, lambda: 5_500_000_000, root)
    return {
        sample.name + ",".join(f" {key}={value}" for key, value in sample.labels.items()): sample.value
        for family in text_string_to_metric_families(metrics.page().decode())
        for sample in family.samples
    }


def board(root: Path) -> Path:
    for path, text in {
        "sys/class/thermal/thermal_zone0/temp": "48312\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    }.items():
        (root / path).parent.mkdir(parents=True)
        (root / path).write_text(text)
    return root


def test_all_of_them(tmp_path: Path) -> None:
    found = {name: value for name, value in samples(board(tmp_path)).items() if not name.startswith("process_")}
    assert found == {
        "lenswire_frames_captured_total": 100,
        "lenswire_frames_dropped_total": 3,
        "lenswire_frames_made_total": 90,
        "lenswire_camera_lost_total": 1,
        "lenswire_camera_fps": 29.97,
        "lenswire_frame_age_seconds": 1.5,
        "lenswire_viewers": 2,
        "lenswire_renditions": 2,
        "lenswire_state state=STOPPED": 0,
        "lenswire_state state=READY": 0,
        "lenswire_state state=STREAMING": 1,
        "lenswire_state state=FAULT": 0,
        "lenswire_info camera=C920, name=porch, version=0.1.0": 1,
        "lenswire_encoder_info encoder=libjpeg-turbo, reason=no choice": 1,
        "lenswire_snapshots_total": 4,
        "lenswire_http_requests_total code=200": 7,
        "lenswire_http_requests_total code=401": 2,
        "lenswire_temperature_celsius": 48.312,
        "lenswire_throttled": 1,
    }


def test_what_is_not_known_is_not_said(tmp_path: Path) -> None:
    found = samples(tmp_path, newest=0)
    assert "lenswire_frame_age_seconds" not in found
    assert "lenswire_temperature_celsius" not in found
    assert found["process_start_time_seconds"] > 0


def test_a_pi_5_has_another_path_for_it(tmp_path: Path) -> None:
    platform = board(tmp_path) / "sys/devices/platform"
    (platform / "soc/soc:firmware").rename(platform / "soc/soc@107c000000:firmware")
    (platform / "soc").rename(platform / "soc@107c000000")
    assert samples(tmp_path)["lenswire_throttled"] == 1


def test_a_board_that_is_well_again_is_not_throttled(tmp_path: Path) -> None:
    (board(tmp_path) / "sys/devices/platform/soc/soc:firmware/get_throttled").write_text("50000")
    assert samples(tmp_path)["lenswire_throttled"] == 0
