"""Settings: what is wrong is named, with what was got and what was expected."""

from pathlib import Path

import pytest

from lenswire.device.config import Config, PanelConfig, load, parse, parse_address
from lenswire.errors import ConfigError

WHOLE = """
name = "porch"
start = false
[camera]
source = "usb"
size = "1280x720"
fps = 30
quality = 70
controls = {exposure_auto = 1, LensPosition = 2.5, ScalerCrop = [0, 0, 640, 480]}
[server]
listen = "[::]:9000"
open = true
legacy = true
max_viewers = 4
[snapshot]
directory = "/data"
keep = 3
[panel]
enabled = false
chip = 4
button = 5
led = 6
shutdown_button = 3
sensor_led = 0
pull = "none"
button_high = true
led_high = false
bounce = 0.05
hold = 2
shutdown_hold = 8
"""


def test_every_setting_is_read(tmp_path: Path) -> None:
    file = tmp_path / "lenswire.toml"
    file.write_text(WHOLE)
    config = load(file)
    assert (config.name, config.start, config.camera.pixels, config.camera.fps) == ("porch", False, (1280, 720), 30.0)
    assert config.camera.controls == {"exposure_auto": 1, "LensPosition": 2.5, "ScalerCrop": [0, 0, 640, 480]}
    assert config.server.address == ("::", 9000)
    assert (config.server.open, config.server.legacy, config.server.max_viewers) == (True, True, 4)
    assert (config.snapshot.directory, config.snapshot.keep) == ("/data", 3)
    assert config.panel == PanelConfig(False, 4, 5, 6, 3, 0, "none", True, False, 0.05, 2.0, 8.0)


def test_no_setting_is_needed() -> None:
    config = parse({})
    assert config == Config()
    assert config.server.address == ("127.0.0.1", 8880)
    assert not config.server.open
    assert config.camera.pixels == (0, 0)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"colour": 1}, "colour: no such setting; expected one of camera, name, panel, server, snapshot, start"),
        ({"camera": {"fsp": 1}}, "camera.fsp: no such setting"),
        ({"camera": {"fps": -1}}, "camera.fps: expected a number from 0 to 1000.0"),
        ({"camera": {"fps": "30"}}, "got '30'"),
        ({"camera": {"quality": 0}}, "camera.quality: expected a whole number from 1 to 100"),
        ({"camera": {"quality": 80.5}}, "got 80.5"),
        ({"camera": {"quality": True}}, "got True"),
        ({"camera": {"size": "big"}}, "camera.size: expected WIDTHxHEIGHT"),
        ({"camera": {"size": "0x480"}}, "got '0x480'"),
        ({"camera": {"controls": {"gain": "high"}}}, "camera.controls: expected a table of numbers"),
        ({"camera": {"controls": {"ScalerCrop": ["a"]}}}, "camera.controls: expected a table of numbers"),
        ({"camera": {"rotation": 90}}, "camera.rotation: expected 0 or 180 (degrees), got 90"),
        ({"camera": 5}, "camera: expected a table, got 5"),
        ({"server": {"open": "yes"}}, "server.open: expected true or false"),
        ({"server": {"listen": "8880"}}, "server.listen: expected HOST:PORT"),
        ({"server": {"listen": "host:99999"}}, "got 'host:99999'"),
        ({"server": {"http": "8881"}}, "server.http: expected HOST:PORT, such as \":8881\", got '8881'"),
        ({"server": {"max_viewers": 0}}, "server.max_viewers: expected a whole number from 1 to 1024"),
        ({"panel": {"pull": "sideways"}}, "panel.pull: expected 'up' or 'down' or 'none', got 'sideways'"),
        (
            {"panel": {"led": -2}},
            "panel.led: expected a whole number from -1 to 57 (the GPIO number of the LED; -1 for",
        ),
        ({"panel": {"hold": 0}}, "panel.hold: expected a number from 0.1 to 60"),
        ({"name": ""}, "name: expected 1 to 64 bytes"),
        ({"name": "a\x1b[2J"}, "name: expected 1 to 64 bytes of printable text"),
        ({"name": 5}, "name: expected text"),
    ],
)
def test_what_is_wrong_is_named(told: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(told)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("content", "words"), [(b"a = [", "not TOML"), (b"\xff", "not TOML"), (b"x = 1", "x: no such")]
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "lenswire.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        load(file)
    assert str(error.value).startswith(f"{file}: ")
    assert words in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: no such file"):
        load(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:1", ("localhost", 1)),
        (":8880", ("", 8880)),
        ("[::1]:8880", ("::1", 8880)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address
