"""Prometheus at a fleet: real devices and a real Prometheus, told of them by the playbook; alerts and dashboard."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_command import DEPLOY, ansible

from lenswire.demo import free_port
from lenswire.messages import Watch
from lenswire.viewer.connection import Stream
from programs import need

sys.path.append(str(DEPLOY.parent / "tests" / "end_to_end"))
from real_device import Device

from eventually import until
from lenswire.link import parse_target

RULES = [
    rule for group in yaml.safe_load((DEPLOY / "monitoring/rules.yml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD = json.loads((DEPLOY / "monitoring/dashboard.json").read_text())
ASKED = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
NAME = re.compile(r"\b(?:lenswire|process)_\w+")
# Only a Raspberry Pi tells it, or only a machine that is hot; and what nobody has asked for has no series.
ELSEWHERE = {"lenswire_temperature_celsius", "lenswire_throttled"}


class Prometheus:
    """A real one with the folder that the playbook wrote, in more of a hurry, and with yard again in porch's place."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.port = free_port()
        settings = yaml.safe_load((folder / "prometheus.yml").read_text().replace("15s", "200ms"))
        porch, yard = settings["scrape_configs"]
        impostor = yard | {key: porch[key] for key in ("tls_config", "authorization")} | {"job_name": "impostor"}
        impostor["relabel_configs"] = [{"target_label": "instance", "replacement": "impostor"}]
        settings["scrape_configs"].append(impostor)
        (folder / "hurry.yml").write_text(yaml.safe_dump(settings))
        command = ["prometheus", f"--config.file={folder}/hurry.yml", f"--storage.tsdb.path={data}"]
        command += [f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def query(self, expression: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Labels -> value. Raises HTTPError if it is not understood."""
        told = self.ask("query", query=expression)["result"]
        return {tuple(sorted(one["metric"].items())): float(one["value"][1]) for one in told}

    def up(self) -> dict[str, float]:
        """Whether each device answers."""
        with contextlib.suppress(OSError):
            return {dict(labels)["instance"]: value for labels, value in self.query('up{job="lenswire"}').items()}
        return {}

    def ask(self, what: str, **parameters: str) -> Any:
        url = f"http://127.0.0.1:{self.port}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Device, int]]]:
    """porch and yard, with TLS and a key each, and where they answer over HTTP."""
    with contextlib.ExitStack() as stack:
        found = {}
        for name in ("porch", "yard"):
            port = free_port()
            options = ("--source", "pattern", "--size", "320x240", "--http", f"0.0.0.0:{port}")
            device = Device(tmp_path_factory.mktemp(name), *options, listen="0.0.0.0")
            stack.callback(device.stop)
            found[name] = device, port
        yield found


@pytest.fixture(scope="module")
def folder(devices: dict[str, tuple[Device, int]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the playbook writes for them, and for one that is away and was never met."""
    work = tmp_path_factory.mktemp("controller")
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
    hosts: dict[str, dict[str, object]] = {
        name: here
        | {
            "lenswire_host": "127.0.0.1",
            "lenswire_server_http": f":{port}",
            "lenswire_state": str(device.folder / "state"),
        }
        for name, (device, port) in devices.items()
    }
    hosts["attic"] = {"ansible_host": "127.0.0.1", "ansible_port": "1", "lenswire_server_http": ":8881"}
    hosts["hall"] = here | {"lenswire_host": "127.0.0.1"}
    (work / "inventory.json").write_text(json.dumps({"cameras": {"hosts": hosts}}))
    done = ansible(DEPLOY / "monitoring.yml", work / "inventory.json", lenswire_monitoring=work / "monitoring")
    assert re.findall(r"^(\w+) .*?unreachable=(\d+) +failed=(\d+)", done.stdout, re.MULTILINE) == [
        ("attic", "1", "0"),
        ("hall", "0", "1"),
        ("localhost", "0", "0"),
        ("porch", "0", "0"),
        ("yard", "0", "0"),
    ], done.stdout
    assert "lenswire_server_http: expected an address for Prometheus" in done.stdout
    for device, _ in devices.values():
        assert (device.folder / "state" / "key").read_text().strip() not in done.stdout
    return work / "monitoring"


@pytest.fixture(scope="module")
def prometheus(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    need("prometheus")
    prometheus = Prometheus(folder, tmp_path_factory.mktemp("data"))
    yield prometheus
    prometheus.process.terminate()
    prometheus.process.wait()


def promtool(*arguments: object) -> str:
    need("promtool")
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_alert_comes_when_it_should_and_no_other() -> None:
    promtool("test", "rules", DEPLOY / "monitoring/rules_test.yml")
    tests = (DEPLOY / "monitoring/rules_test.yml").read_text()
    assert {rule["alert"] for rule in RULES} == set(re.findall(r"\bCamera\w+", tests))


def test_the_playbook_writes_what_prometheus_reads_and_keeps_keys_private(folder: Path) -> None:
    assert "SUCCESS" in promtool("check", "config", folder / "prometheus.yml")
    jobs = yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_configs"]
    assert [job["job_name"] for job in jobs] == ["porch", "yard"]
    assert {file.stat().st_mode & 0o777 for file in (folder / "devices").iterdir()} == {0o600}
    assert (folder / "devices").stat().st_mode & 0o777 == 0o700


def test_every_query_is_understood_and_about_something(
    prometheus: Prometheus, devices: dict[str, tuple[Device, int]]
) -> None:
    until(lambda: prometheus.up() == {"porch": 1, "yard": 1}, "both devices to answer")
    with Stream(parse_target(devices["porch"][0].link()), Watch(), lambda received: None):
        until(lambda: prometheus.query('lenswire_state{instance="porch", state="STREAMING"} == 1'), "STREAMING")
        until(lambda: prometheus.query('lenswire_viewers{instance="porch"} == 1'), "the viewer to be counted")
        known = set(prometheus.ask("label/__name__/values"))
        for expression in [*ASKED, *(rule["expr"] for rule in RULES)]:
            plain = expression.replace("$__rate_interval", "1m").replace("$instance", ".*")
            names = set(NAME.findall(plain))
            assert names <= known | ELSEWHERE, expression
            prometheus.query(plain)
            if expression in ASKED and not names & ELSEWHERE and "ALERTS" not in plain and "== 0" not in plain:
                until(lambda plain=plain: prometheus.query(plain), f"an answer to {expression}")
        states = prometheus.query('lenswire_state{instance="porch"}')
        assert sum(states.values()) == 1
    assert not prometheus.query('ALERTS{alertstate="firing"}')


def test_a_device_in_the_place_of_another_is_not_shown_the_key(prometheus: Prometheus) -> None:
    until(lambda: prometheus.up() == {"porch": 1, "yard": 1}, "both devices to answer")
    until(lambda: prometheus.query('up{instance="impostor"} == 0'), "yard in porch's place to be refused")
    errors = {one["labels"]["instance"]: one["lastError"] for one in prometheus.ask("targets")["activeTargets"]}
    assert (errors["porch"], errors["yard"]) == ("", "")
    assert "certificate" in errors["impostor"]
    assert not prometheus.query('lenswire_http_requests_total{instance="yard", code="401"}')
