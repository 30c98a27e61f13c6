"""The command `lenswire`: one parser, and each command loaded only when it is called."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lenswire import __version__
from lenswire.errors import LenswireError

TARGET = "host[:port], a name from the address book, a lenswire:// link, or legacy://host:port"
DESCRIPTION = """A Raspberry Pi and any camera become an appliance: power it on and it streams.

On the device: serve, pair, check, doctor.
On the laptop: view, probe, snapshot, record, relay, start, stop, toggle, status, cameras.
On one machine, to see it work: demo."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit status: 0 done, 1 it could not be done (one sentence on stderr), 2 wrong usage."""
    args = parser().parse_args(arguments)
    try:
        module, function = args.run
        return int(getattr(importlib.import_module(module), function)(args))
    except LenswireError as error:
        print(f"lenswire: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        return 130


def size(text: str) -> tuple[int, int]:
    """ "640x480" -> (640, 480)."""
    width, x, height = text.partition("x")
    if not (x and width.isascii() and height.isascii() and width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT, such as 640x480, got {text!r}")
    if not (0 < int(width) <= 65535 and 0 < int(height) <= 65535):
        raise argparse.ArgumentTypeError(f"expected sides from 1 to 65535, got {text!r}")
    return int(width), int(height)


def rate(text: str) -> float:
    """Frames per second, above 0 and at most 1000."""
    return _number(text, "frames per second", 1000)


def duration(text: str) -> float:
    """Seconds, above 0."""
    return _number(text, "seconds", 1e9)


def _number(text: str, what: str, most: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= most:
        raise argparse.ArgumentTypeError(f"expected {what} above 0 and at most {most:g}, got {text!r}")
    return value


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="lenswire", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--version", action="version", version=f"lenswire {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _device_commands(commands)
    _viewer_commands(commands)
    demo = _command(commands, "demo", "lenswire.demo:run", "see it work on this machine alone", "lenswire demo")
    demo.add_argument("--seconds", type=duration, help="end after so long (without a display: 10)")
    demo.add_argument("--source", help="as for serve (default: a recorded clip)")
    demo.add_argument("--save", type=Path, metavar="FILE", help="save what there was to see")
    return top


def _device_commands(commands: Any) -> None:
    serve = _command(
        commands,
        "serve",
        "lenswire.device.commands:serve",
        "stream this machine's camera",
        "lenswire serve --source usb --size 1280x720 --fps 30",
    )
    _camera(serve)
    serve.add_argument("--listen", metavar="HOST:PORT", help="default: 127.0.0.1:8880; ':8880' is every address")
    serve.add_argument("--http", metavar="HOST:PORT", help="also serve browsers and other programs (default: off)")
    serve.add_argument("--open", action="store_true", help="let everybody watch and command, without a key")
    serve.add_argument("--legacy", action="store_true", help="also serve the clients of the article, without a key")
    _state_dir(serve)
    pair = _command(
        commands,
        "pair",
        "lenswire.device.commands:pair",
        "print this device's lenswire:// link",
        "sudo lenswire pair",
    )
    pair.add_argument(
        "--config", type=Path, metavar="FILE", help="the config that the service runs with (default: the appliance's)"
    )
    pair.add_argument("--host", help="how laptops reach this device (default: its host name, with .local)")
    pair.add_argument("--port", type=int, metavar="N", help="at which port they do (default: the one it listens on)")
    pair.add_argument("--avahi", action="store_true", help="print avahi's service file instead, which holds no secret")
    _state_dir(pair)
    doctor = _command(
        commands,
        "doctor",
        "lenswire.device.commands:doctor",
        "a page about this machine, with how to mend what is wrong",
        "lenswire doctor --source usb",
    )
    _camera(doctor)
    doctor.add_argument("--json", action="store_true", help="a list of objects, for programs")
    check = _command(
        commands, "check", "lenswire.device.commands:check", "check a config file", "lenswire check lenswire.toml"
    )
    check.add_argument("config", type=Path, metavar="CONFIG")


def _viewer_commands(commands: Any) -> None:
    view = _command(
        commands,
        "view",
        "lenswire.viewer.commands:view",
        "watch cameras in a window",
        "lenswire view porch gate --record walk.mkv",
    )
    view.add_argument("targets", nargs="*", metavar="TARGET", help=f"{TARGET}; none: the only camera there is")
    view.add_argument("--all", action="store_true", help="every camera of the address book")
    _wish(view)
    view.add_argument("--record", type=Path, metavar="FILE.mkv", help="record from the start, each camera by itself")
    _split(view)
    view.add_argument("--fullscreen", action="store_true")
    words = "be a webcam for other programs, without a window (v4l2loopback)"
    view.add_argument("--v4l2", type=Path, metavar="/dev/videoN", help=words)
    probe = _command(
        commands,
        "probe",
        "lenswire.viewer.commands:probe",
        "measure a stream: rate, age, size",
        "lenswire probe porch --seconds 10 --json",
        target=True,
    )
    probe.add_argument("--seconds", type=duration, default=5.0, metavar="S", help="default: 5")
    _wish(probe)
    probe.add_argument("--json", action="store_true", help="one object, for programs")
    snapshot = _command(
        commands,
        "snapshot",
        "lenswire.viewer.commands:snapshot",
        "save one full-size picture, taken now",
        "lenswire snapshot porch -o porch.jpg",
        target=True,
    )
    snapshot.add_argument("-o", "--output", required=True, metavar="FILE.jpg", help="- is standard output")
    record = _command(
        commands,
        "record",
        "lenswire.viewer.commands:record",
        "record without a window, the JPEGs untouched",
        "lenswire record porch -o night.mkv --seconds 3600",
        target=True,
    )
    record.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.mkv")
    record.add_argument("--seconds", type=duration, metavar="S", help="default: until Ctrl-C")
    _split(record)
    _wish(record)
    relay = _command(
        commands,
        "relay",
        "lenswire.viewer.commands:relay",
        "publish cameras at a media server, the JPEGs untouched",
        "lenswire relay porch yard --to rtsp://localhost:8554/",
    )
    relay.add_argument("targets", nargs="+", metavar="TARGET", help=TARGET)
    relay.add_argument(
        "--to", required=True, metavar="URL", help="rtsp://[USER:PASSWORD@]HOST[:PORT]/[PATH]; - to read it from stdin"
    )
    _wish(relay)
    for verb, words in {
        "start": "open the camera",
        "stop": "close the camera; viewers stay and are told",
        "toggle": "what the button does: start or stop",
        "status": "what the device is doing",
    }.items():
        command = _command(
            commands, verb, "lenswire.viewer.commands:control", words, f"lenswire {verb} porch", target=True
        )
        command.add_argument("--json", action="store_true", help="one object, for programs")
        command.set_defaults(verb=verb)
    _cameras(commands)


def _cameras(commands: Any) -> None:
    cameras = _command(
        commands,
        "cameras",
        "lenswire.viewer.commands:cameras",
        "the address book, and what is on the network, with the state of each",
        "lenswire cameras add 'lenswire://...' --name porch",
    )
    cameras.add_argument("--no-network", dest="network", action="store_false", help="only the address book")
    cameras.add_argument("--json", action="store_true", help="a list of objects, for programs")
    cameras.set_defaults(action="list")
    actions = cameras.add_subparsers(title="actions", metavar="ACTION")
    add = actions.add_parser("add", help="keep a device under a name")
    add.add_argument("link", metavar="LINK", help="what 'lenswire pair' printed, or host:port; - to read it from stdin")
    add.add_argument("--name", help="default: the device's own name")
    add.set_defaults(action="add")
    remove = actions.add_parser("remove", help="forget a device")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(action="remove")


def _command(commands: Any, name: str, run: str, words: str, example: str, target: bool = False) -> Any:
    command = commands.add_parser(
        name,
        help=words,
        description=words[0].upper() + words[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run.split(":"))
    if target:
        command.add_argument("target", metavar="TARGET", help=TARGET)
    return command


def _wish(command: Any) -> None:
    command.add_argument("--size", type=size, metavar="WxH", help="at most this size (default: the camera's)")
    command.add_argument("--fps", type=rate, default=0.0, metavar="N", help="at most this rate (default: all)")


def _split(command: Any) -> None:
    words = "begin another file after so long, with the time in its name"
    command.add_argument("--split", type=duration, default=0.0, metavar="S", help=words)


def _camera(command: Any) -> None:
    command.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML; the options below go before it")
    command.add_argument("--source", help="auto, usb, usb:DEVICE, csi, pattern, or file:PATH (default: auto)")
    command.add_argument("--size", metavar="WxH", help="the camera's picture size (default: 1280x720, or its nearest)")
    command.add_argument("--fps", type=float, metavar="N", help="frames per second (default: 30, or a video's own)")
    command.add_argument("--quality", type=int, metavar="Q", help="JPEG quality 1-100 (default: 80)")


def _state_dir(command: Any) -> None:
    command.add_argument("--state-dir", type=Path, metavar="DIR", help="where the device keeps its key and certificate")


if __name__ == "__main__":
    sys.exit(main())
