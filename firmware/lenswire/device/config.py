"""The device's settings: TOML -> typed and checked. An error names the key, what it got and what was expected."""

from __future__ import annotations

import re
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, get_origin, get_type_hints

from lenswire.errors import ConfigError
from lenswire.messages import MAX_FPS, MAX_NAME, MAX_SIDE

T = TypeVar("T")
# V4L2's controls are whole numbers; libcamera's may be any of these.
Control: TypeAlias = int | float | bool | list[int]

PULLS = "up", "down", "none"


def _setting(default: Any, words: str, *, low: float | None = None, high: float | None = None) -> Any:
    return field(default=default, metadata={"words": words, "low": low, "high": high})


def _line(default: int, words: str) -> Any:
    # A Pi has at most 58 lines (BCM2711); 28 of them are on the header.
    return _setting(default, f"the GPIO number of {words}; -1 for none", low=-1, high=57)


def _parse_size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not match or not all(1 <= int(side) <= MAX_SIDE for side in match.groups()):
        raise ValueError
    return int(match[1]), int(match[2])


def parse_address(text: str) -> tuple[str, int]:
    """ "host:port", "[ipv6]:port" or ":port" (all addresses) -> host, port. Raises ValueError."""
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.%\w]+)\]|([^:\[\]\s]*)):(\d{1,5})", text)
    if not match or int(match[3]) > 65535:
        raise ValueError
    return match[1] or match[2] or "", int(match[3])


@dataclass(frozen=True, slots=True)
class CameraConfig:
    source: str = _setting("auto", "auto, usb, usb:DEVICE, csi, pattern, or file:PATH")
    size: str = _setting("", 'WIDTHxHEIGHT, such as "1280x720"; empty for 1280x720, or the nearest that the camera has')
    fps: float = _setting(0.0, "frames per second; 0 for 30, or the rate of a video", low=0, high=MAX_FPS)
    quality: int = _setting(80, "JPEG quality where the encoder has one", low=1, high=100)
    rotation: int = _setting(0, "0 or 180 degrees, where the camera can turn its picture", low=0, high=180)
    controls: dict[str, Control] = field(
        default_factory=dict,
        metadata={"words": "the camera's own by name, such as {auto_exposure = 1} or {ScalerCrop = [0, 0, 1280, 720]}"},
    )

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height; 0, 0 for the camera's choice."""
        return _parse_size(self.size) if self.size else (0, 0)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    listen: str = _setting("127.0.0.1:8880", 'HOST:PORT; ":8880" is every address of this machine')
    open: bool = _setting(False, "true lets everybody on the network watch and command, without a key")
    legacy: bool = _setting(False, "true also serves the clients of the article, which know no key")
    announce: bool = _setting(True, "true tells the network that this device is here: its name, port and fingerprint")
    max_viewers: int = _setting(128, "viewers at once", low=1, high=1024)
    http: str = _setting("", 'HOST:PORT for browsers and other programs, such as ":8881"; empty for none')

    @property
    def address(self) -> tuple[str, int]:
        return parse_address(self.listen)

    @property
    def http_address(self) -> tuple[str, int]:
        return parse_address(self.http)


@dataclass(frozen=True, slots=True)
class SnapshotConfig:
    directory: str = _setting("", "where snapshots are kept; empty for a folder in the state directory")
    keep: int = _setting(100, "the newest so many are kept", low=1, high=100_000)


@dataclass(frozen=True, slots=True)
class PanelConfig:
    """Lines are GPIO numbers (BCM), not pins of the header."""

    enabled: bool = _setting(True, "false leaves all lines alone")
    chip: int = _setting(-1, "the number of a /dev/gpiochip; -1 for the one of this board's header", low=-1, high=99)
    button: int = _line(17, "the button")
    led: int = _line(27, "the LED")
    shutdown_button: int = _line(-1, "a second button, which shuts the Pi down")
    sensor_led: int = _line(-1, "a second LED, lit while the sensor is open")
    pull: str = _setting("up", 'the buttons\' resistor: "up", "down", or "none" for one of your own')
    button_high: bool = _setting(False, "true: a line is high while its button is down")
    led_high: bool = _setting(True, "true: an LED is lit while its line is high")
    bounce: float = _setting(0.02, "seconds that a line must be still to count", low=0, high=1)
    hold: float = _setting(3.0, "seconds that the button is held for a snapshot", low=0.1, high=60)
    shutdown_hold: float = _setting(5.0, "seconds that the shutdown button is held", low=0.1, high=60)


@dataclass(frozen=True, slots=True)
class Config:
    name: str = _setting(socket.gethostname().split(".")[0][:MAX_NAME], "what viewers call this device")
    start: bool = _setting(True, "false: the camera stays off until somebody starts it")
    camera: CameraConfig = field(default_factory=CameraConfig)
    server: ServerConfig = field(default_factory=ServerConfig)
    snapshot: SnapshotConfig = field(default_factory=SnapshotConfig)
    panel: PanelConfig = field(default_factory=PanelConfig)


def load(path: Path) -> Config:
    """Read a TOML file. Raises ConfigError."""
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    try:
        return parse(told)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse(told: Mapping[str, Any]) -> Config:
    """A table as TOML gives it -> Config. Raises ConfigError, naming the key."""
    config = _read(Config, told, "")
    _check_with("camera.size", config.camera.size, _parse_size, 'WIDTHxHEIGHT, such as "1280x720"', empty=True)
    if config.camera.rotation not in (0, 180):
        raise ConfigError(f"camera.rotation: expected 0 or 180 (degrees), got {config.camera.rotation}")
    _check_with("server.listen", config.server.listen, parse_address, 'HOST:PORT, such as "127.0.0.1:8880"')
    _check_with("server.http", config.server.http, parse_address, 'HOST:PORT, such as ":8881"', empty=True)
    _check_with("panel.pull", config.panel.pull, PULLS.index, " or ".join(map(repr, PULLS)))
    if not 1 <= len(config.name.encode()) <= MAX_NAME or not config.name.isprintable():
        raise ConfigError(f"name: expected 1 to {MAX_NAME} bytes of printable text, got {config.name!r}")
    return config


def _read(kind: type[T], told: Mapping[str, Any], prefix: str) -> T:
    settings = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    types = get_type_hints(kind)
    for key in told:
        if key not in settings:
            raise ConfigError(f"{prefix}{key}: no such setting; expected one of {', '.join(sorted(settings))}")
    values = {key: _value(types[key], settings[key].metadata, value, prefix + key) for key, value in told.items()}
    return kind(**values)


def _value(kind: Any, about: Mapping[str, Any], value: Any, key: str) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise ConfigError(f"{key}: expected a table, got {value!r}")
        return _read(kind, value, f"{key}.")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    low, high = about.get("low"), about.get("high")
    within = (
        (low is None or value >= low) and (high is None or value <= high) if isinstance(value, int | float) else True
    )
    if not _is(kind, value) or not within:
        bounds = f" from {low} to {high}" if low is not None else ""
        raise ConfigError(f"{key}: expected {_name(kind)}{bounds} ({about['words']}), got {value!r}")
    return value


def _is(kind: Any, value: Any) -> bool:
    if get_origin(kind) is dict:
        return isinstance(value, dict) and all(_is_control(item) for item in value.values())
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _is_control(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, list) and all(type(item) is int for item in value))


def _name(kind: Any) -> str:
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return names.get(kind, "a table of numbers")


def _check_with(key: str, value: str, parser: Any, expected: str, *, empty: bool = False) -> None:
    try:
        if value or not empty:
            parser(value)
    except ValueError:
        raise ConfigError(f"{key}: expected {expected}, got {value!r}") from None
