"""The inventory's settings are the device's own, and a wrong one stops before any device is touched."""

from __future__ import annotations

import json
import sys
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from ansible_command import BIN, DEPLOY, ansible, inventory

from lenswire.device.announce import announcement
from lenswire.device.config import Config, load, parse
from lenswire.link import as_text

TYPES = {str: "str", int: "int", float: "float", bool: "bool"}
EVERY_SETTING = {
    "lenswire_name": 'the "north" porch',
    "lenswire_start": False,
    "lenswire_camera_source": "usb:C920",
    "lenswire_camera_size": "640x480",
    "lenswire_camera_fps": 12.5,
    "lenswire_camera_quality": 70,
    "lenswire_camera_rotation": 180,
    "lenswire_camera_controls": {"AeEnable": True, "AfMode": 2, "ScalerCrop": [0, 0, 640, 480], "Gain": 1.5},
    "lenswire_server_listen": "[::1]:9000",
    "lenswire_server_open": True,
    "lenswire_server_legacy": True,
    "lenswire_server_announce": False,
    "lenswire_server_max_viewers": 5,
    "lenswire_server_http": "127.0.0.1:9001",
    "lenswire_snapshot_directory": "/srv/pictures",
    "lenswire_snapshot_keep": 7,
    "lenswire_panel_enabled": False,
    "lenswire_panel_chip": 4,
    "lenswire_panel_button": 5,
    "lenswire_panel_led": 6,
    "lenswire_panel_shutdown_button": 3,
    "lenswire_panel_sensor_led": 22,
    "lenswire_panel_pull": "none",
    "lenswire_panel_button_high": True,
    "lenswire_panel_led_high": False,
    "lenswire_panel_bounce": 0.5,
    "lenswire_panel_hold": 2.0,
    "lenswire_panel_shutdown_hold": 7,
}


def the_config_s_own(kind: Any = Config, prefix: str = "lenswire") -> dict[str, str]:
    """Every variable that there should be, with its type, from the code that reads the config."""
    found: dict[str, str] = {}
    hints = get_type_hints(kind)
    for field in fields(kind):
        name = f"{prefix}_{field.name}"
        found |= the_config_s_own(hints[field.name], name) if is_dataclass(hints[field.name]) else {name: ""}
        if name in found:
            found[name] = TYPES.get(hints[field.name], "dict")
    return found


def test_the_role_s_variables_are_the_config_s_settings() -> None:
    specs = yaml.safe_load((DEPLOY / "roles/lenswire/meta/argument_specs.yml").read_text())["argument_specs"]
    settings = yaml.safe_load((DEPLOY / "roles/lenswire/vars/main.yml").read_text())["lenswire_settings"]
    wanted = the_config_s_own()
    assert {name: specs["main"]["options"][name]["type"] for name in wanted} == wanted
    assert {
        "_".join(filter(None, ("lenswire", table, key))) for table, keys in settings.items() for key in keys
    } == set(wanted)
    assert set(EVERY_SETTING) == set(wanted)
    assert all(spec == specs["main"] for spec in specs.values())


def test_what_is_rendered_is_what_the_device_reads(tmp_path: Path) -> None:
    command = tmp_path / "lenswire"
    command.write_text(f"#!/bin/sh\ncat >{tmp_path}/config; exec {BIN}/lenswire check {tmp_path}/config\n")
    command.chmod(0o755)
    done = ansible(DEPLOY / "check.yml", inventory(tmp_path, EVERY_SETTING), lenswire_command=command)
    assert done.returncode == 0, done.stdout
    config = load(tmp_path / "config")
    for name, value in EVERY_SETTING.items():
        table, _, key = name.removeprefix("lenswire_").partition("_")
        part = getattr(config, table)
        assert (getattr(part, key) if is_dataclass(part) else part) == value, name


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("lenswire_camera_size", "big", 'lenswire_camera_size: expected WIDTHxHEIGHT, such as "1280x720", got'),
        ("lenswire_panel_led", 99, "lenswire_panel_led: expected a whole number from -1 to 57"),
        ("lenswire_camera_fps", "fast", "argument 'lenswire_camera_fps' is of type"),
        ("lenswire_panel_pull", "sideways", "value of lenswire_panel_pull must be one of: up, down, none"),
        ("lenswire_name", "", "lenswire_name: expected 1 to"),
        ("board_read_only", "maybe", "argument 'board_read_only' is of type"),
        ("board_hostname", "two words", "board_hostname: expected up to 63 letters"),
        ("ansible_host", "raspberrypi.local", "once porch is called porch, it is no longer raspberrypi.local"),
    ],
)
def test_a_wrong_value_stops_with_its_name(tmp_path: Path, name: str, value: object, words: str) -> None:
    done = ansible(DEPLOY / "site.yml", inventory(tmp_path, {name: value}))
    assert done.returncode != 0
    assert words in " ".join(done.stdout.split())
    assert "PLAY [Provision]" not in done.stdout


def test_avahi_is_told_what_the_device_would_tell(tmp_path: Path) -> None:
    role, fingerprint = DEPLOY / "roles/lenswire", bytes(range(32))
    settings: dict[str, dict[str, Any]] = {
        "plain": {"name": "porch", "server": {"listen": ":8880"}},
        "odd": {"name": "<north> & " + "ü" * 27, "server": {"listen": "0.0.0.0:9000", "open": True}},
        "silent": {"name": "attic", "server": {"listen": ":8880", "announce": False}},
        "local": {"name": "desk", "server": {"listen": "127.0.0.1:8880"}},
    }
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = {
        host: here
        | {"lenswire_name": one["name"]}
        | {f"lenswire_server_{key}": value for key, value in one["server"].items()}
        for host, one in settings.items()
    }
    (tmp_path / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    content = f"{{{{ lookup('template', '{role}/templates/avahi.service.j2') if lenswire_announced else '' }}}}"
    task = {"ansible.builtin.copy": {"content": content, "dest": f"{tmp_path}/{{{{ inventory_hostname }}}}"}}
    variables = {"lenswire_fingerprint": as_text(fingerprint)}
    play = {"hosts": "all", "gather_facts": False, "vars_files": [str(role / "vars/main.yml")], "vars": variables}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play | {"tasks": [task]}]))
    done = ansible(tmp_path / "play.yml", tmp_path / "inventory.json")
    assert done.returncode == 0, done.stdout
    for host in ("plain", "odd"):
        expected = announcement(parse(settings[host]), fingerprint).avahi_service
        assert (tmp_path / host).read_text() == expected
    assert (tmp_path / "silent").read_text() == (tmp_path / "local").read_text() == ""


def test_two_cameras_need_two_names(tmp_path: Path) -> None:
    done = ansible(DEPLOY / "check.yml", inventory(tmp_path, {"lenswire_name": "porch"}, hosts=("porch", "gate")))
    assert done.returncode != 0
    assert "lenswire_name: two cameras are called porch" in " ".join(done.stdout.split())


@pytest.mark.parametrize("example", sorted(path.name for path in (DEPLOY / "inventory").iterdir()))
def test_the_example_inventories_are_good(example: str) -> None:
    done = ansible(DEPLOY / "check.yml", DEPLOY / "inventory" / example)
    assert done.returncode == 0, done.stdout
