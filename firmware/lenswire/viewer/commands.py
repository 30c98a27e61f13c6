"""The commands that run on the laptop: each finds its target, then hands over to the module that does the work."""

from __future__ import annotations

from argparse import Namespace

from lenswire.errors import LenswireError, LinkError
from lenswire.link import AddressBook, Target, parse_target
from lenswire.messages import Verb


def view(args: Namespace) -> int:
    if args.v4l2:
        return _webcam(args)
    from lenswire.viewer import app

    return app.run(
        watched(args),
        size=args.size,
        fps=args.fps,
        record=args.record,
        split=args.split,
        fullscreen=args.fullscreen,
    )


def probe(args: Namespace) -> int:
    from lenswire.viewer import probe

    return probe.run(_target(args), args.seconds, args.size, args.fps, args.json)


def snapshot(args: Namespace) -> int:
    from lenswire.viewer import snapshot

    return snapshot.run(_target(args), args.output)


def record(args: Namespace) -> int:
    from lenswire.viewer import record

    return record.run(_target(args), args.output, args.seconds, args.size, args.fps, args.split)


def relay(args: Namespace) -> int:
    from lenswire.viewer import relay

    book = AddressBook()
    return relay.run([parse_target(text, book) for text in args.targets], args.to, args.size, args.fps)


def control(args: Namespace) -> int:
    from lenswire.viewer import control

    verb = None if args.verb == "status" else Verb[args.verb.upper()]
    return control.run(_target(args), verb, args.json)


def cameras(args: Namespace) -> int:
    from lenswire.viewer import cameras

    return cameras.run(args)


def watched(args: Namespace) -> list[Target]:
    """Each once, in the order in which they were named. Raises LinkError."""
    book = AddressBook()
    named = [parse_target(text, book) for text in args.targets]
    if found := dict.fromkeys([*named, *(book if args.all else ())]):
        return list(found)
    if args.all:
        raise LinkError(f"the address book {book.path} is empty: there is no camera to show")
    from lenswire.viewer.discovery import the_only_camera

    return [the_only_camera(book)]


def _webcam(args: Namespace) -> int:
    targets = watched(args)
    if len(targets) > 1 or args.record or args.split or args.fullscreen:
        raise LenswireError("--v4l2 is for one camera and opens no window: leave --record, --split, --fullscreen out")
    from lenswire.viewer import virtual_camera

    return virtual_camera.run(targets[0], args.v4l2, args.size, args.fps)


def _target(args: Namespace) -> Target:
    return parse_target(args.target, AddressBook())
