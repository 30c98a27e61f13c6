"""The playbooks as texts: their syntax, their style, and no secret among them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_command import DEPLOY, ansible, tool

from programs import need

PLAYBOOKS = sorted(path.name for path in DEPLOY.glob("*.yml"))
# A link with its key, a private key, or a password's hash.
SECRETS = re.compile(r"lenswire://[A-Za-z0-9_-]{43}@|BEGIN [A-Z ]*PRIVATE KEY|\$(6|y)\$[./A-Za-z0-9]+\$")


def test_all_playbooks_are_there() -> None:
    assert [
        *("check.yml", "monitoring.yml", "rollback.yml", "rotate-keys.yml", "site.yml", "status.yml", "uninstall.yml"),
        "update.yml",
    ] == PLAYBOOKS


def test_their_syntax() -> None:
    done = tool(
        "ansible-playbook", "--syntax-check", "-i", DEPLOY / "inventory", *(DEPLOY / name for name in PLAYBOOKS)
    )
    assert done.returncode == 0, done.stdout


def test_their_style_is_fit_for_production() -> None:
    done = tool("ansible-lint", "--offline", "--profile", "production", "--strict", DEPLOY)
    assert done.returncode == 0, done.stdout
    assert "Profile 'production' was required, and it passed" in done.stdout


def test_one_host_at_first_and_no_failure_is_borne() -> None:
    for name in ("site", "update", "rollback", "rotate-keys"):
        play = yaml.safe_load((DEPLOY / f"{name}.yml").read_text())[-1]
        assert (play["serial"], play["max_fail_percentage"]) == ([1, "10%", "100%"], 0), name


def test_a_batch_with_a_host_that_cannot_be_reached_is_the_last(tmp_path: Path) -> None:
    hosts = {name: {"ansible_connection": "local", "ansible_python_interpreter": sys.executable} for name in "abcde"}
    hosts["c"] = {"ansible_host": "127.0.0.1", "ansible_port": "1"}
    (tmp_path / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    tasks = [{"ansible.builtin.command": "true"}, {"ansible.builtin.import_tasks": str(DEPLOY / "tasks/whole.yml")}]
    play = {"hosts": "all", "gather_facts": False, "serial": [1, 2, "100%"], "max_fail_percentage": 0, "tasks": tasks}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    done = ansible(tmp_path / "play.yml", tmp_path / "inventory.json")
    assert done.returncode != 0
    assert re.findall(r"^(\w) +: ok=(\d)", done.stdout, re.MULTILINE) == [("a", "1"), ("b", "1"), ("c", "0")]
    for name in ("site", "update", "rollback", "rotate-keys"):
        last = yaml.safe_load((DEPLOY / f"{name}.yml").read_text())[-1]["tasks"][-1]
        assert last["ansible.builtin.import_tasks"] == "tasks/whole.yml"


def test_only_playbooks_reboot() -> None:
    roles = [path for path in (DEPLOY / "roles").rglob("*.yml") if "builtin.reboot" in path.read_text()]
    assert roles == []


def test_no_secret_lies_about() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=DEPLOY.parent, capture_output=True, text=True, check=False)
    if tracked.returncode != 0:
        pytest.skip("needs the repository")
    texts = [DEPLOY.parent / name for name in tracked.stdout.split("\0") if Path(name).suffix not in (".png", ".jpg")]
    found = [path for path in texts if path.is_file() and SECRETS.search(path.read_text("utf-8", errors="ignore"))]
    assert [path for path in found if "tests" not in path.parts and path.suffix != ".md"] == []
    assert SECRETS.search("lenswire://" + "a" * 43 + "@porch")


def test_who_handles_a_key_says_nothing_of_it() -> None:
    tasks = yaml.safe_load((DEPLOY / "roles/lenswire/tasks/meet.yml").read_text())
    with_keys = [
        task
        for task in tasks
        if "lenswire_link" in str(task.get("register", "")) + str(task.get("ansible.builtin.command", ""))
    ]
    assert len(with_keys) == 2
    assert all(task["no_log"] is True for task in with_keys)


def test_the_first_boot_s_file_is_what_cloud_init_reads() -> None:
    need("cloud-init")
    folder = DEPLOY / "cloud-init"
    command = ["cloud-init", "schema", "--config-file", str(folder / "user-data")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert yaml.safe_load((folder / "network-config").read_text())["network"]["version"] == 2


def test_the_shutdown_button_s_rule_is_the_one_that_hardware_md_shows() -> None:
    rule = (DEPLOY / "roles/lenswire/files/50-lenswire.rules").read_text().partition("\n")[2]
    assert f"```js\n{rule}```" in (DEPLOY.parent / "hardware.md").read_text()


@pytest.mark.parametrize(
    ("unit", "program", "manager"),
    [
        ("lenswire", "/opt/lenswire/current/bin/lenswire serve", "--system"),
        ("lenswire-relay", "%h/lenswire/.venv/bin/lenswire relay", "--user"),
    ],
)
def test_the_units_are_some(tmp_path: Path, unit: str, program: str, manager: str) -> None:
    need("systemd-analyze")
    text = (DEPLOY / f"systemd/{unit}.service").read_text()
    assert f"ExecStart={program}" in text
    # Here the program is elsewhere, and `verify` wants to see it.
    file = tmp_path / f"{unit}.service"
    file.write_text(text.replace(program.split()[0], "/bin/true"))
    command = ["systemd-analyze", manager, "verify", "--man=no", str(file)]
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_device_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.yml"
    inventory.write_text("cameras: {hosts: {porch: {ansible_host: porch.invalid}}}")
    done = ansible(DEPLOY / "status.yml", inventory)
    assert "porch" in done.stdout.partition("PLAY [Tell]")[2]
    assert "no ssh" in done.stdout
