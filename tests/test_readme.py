"""What the README says of the config and the commands is what they are."""

import re
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lenswire.cli import parser
from lenswire.device.config import Config, parse

README = (Path(__file__).parents[1] / "README.md").read_text()


def keys(table: dict[str, Any]) -> set[str]:
    """Every setting, as section.key."""
    nested = [f"{key}.{inner}" for key, value in table.items() if isinstance(value, dict) for inner in value]
    return {*table, *nested}


def test_the_readme_shows_every_setting_with_its_default() -> None:
    told = tomllib.loads(re.search(r"```toml\n(.*?)```", README, re.DOTALL)[1])
    assert replace(parse(told), name=Config().name) == Config()
    assert keys(told) == keys(asdict(Config()))


def test_every_command_in_the_readme_exists() -> None:
    shown = "\n".join(re.findall(r"```\n(.*?)```", README, re.DOTALL))
    commands = {line.split()[1] for line in shown.splitlines() if line.startswith("lenswire ")}
    known = parser().format_help().split()
    assert commands
    assert commands <= set(known)
