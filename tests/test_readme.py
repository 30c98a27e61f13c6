"""What the pages say of the config and the commands is what they are, and their links lead somewhere."""

import re
import shlex
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from lenswire.cli import parser
from lenswire.device.config import Config, parse

ROOT = Path(__file__).parents[1]
PAGES = {page.relative_to(ROOT): page.read_text() for page in [*ROOT.glob("*.md"), *ROOT.glob("[df]*/*.md")]}
OVER = re.DOTALL | re.MULTILINE
README = PAGES[Path("README.md")]


def keys(table: dict[str, Any]) -> set[str]:
    """Every setting, as section.key."""
    nested = [f"{key}.{inner}" for key, value in table.items() if isinstance(value, dict) for inner in value]
    return {*table, *nested}


def test_the_readme_shows_every_setting_with_its_default() -> None:
    told = tomllib.loads(re.search(r"```toml\n(.*?)```", README, re.DOTALL)[1])
    assert replace(parse(told), name=Config().name) == Config()
    assert keys(told) == keys(asdict(Config()))


def blocks(text: str) -> str:
    """What is there to be copied into a shell."""
    other = re.sub(r"^```\w+\n.*?^```", "", text, flags=OVER)
    return "".join(re.findall(r"^```\n(.*?)^```", other, OVER))


def commands(text: str) -> list[str]:
    """Every `lenswire ...` among it, without what a shell does with it."""
    lines = [line.removeprefix("sudo ") for line in blocks(text).splitlines()]
    return [re.split(r" [|<] |  +#", line)[0] for line in lines if line.startswith("lenswire ")]


COMMANDS = sorted({command for text in PAGES.values() for command in commands(text)})


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_given_as_it_is_written(command: str) -> None:
    parser().parse_args(shlex.split(command)[1:])


def test_every_command_is_shown() -> None:
    there = set(re.findall(r"^    (\w+) ", parser().format_help(), re.MULTILINE))
    assert len(there) > 10
    assert there <= set(re.findall(r"\w+", blocks(README)))


def anchors(text: str) -> set[str]:
    """As GitHub makes them of the headings."""
    headings = re.findall(r"^#+ (.*)", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)|<img src=\"([^\"]+)\"", PAGES[page]):
        path, _, anchor = "".join(link).partition("#")
        there = (ROOT / page).parent / path if path else ROOT / page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there.read_text()), link
