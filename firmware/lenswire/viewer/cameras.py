"""The command `cameras`: the address book and the network, side by side."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import replace
from typing import Any

from lenswire.client import Camera
from lenswire.link import AddressBook, as_text, parse_target
from lenswire.viewer.discovery import Entry, look, table


def run(args: Namespace, book: AddressBook | None = None) -> int:
    """list, add or remove, as args.action says. Raises LenswireError."""
    book = book or AddressBook()
    match args.action:
        case "add":
            add(book, args.link, args.name)
        case "remove":
            book.remove(args.name)
            print(f"{args.name} is forgotten")
        case _:
            show(book, args.network, args.json)
    return 0


def show(book: AddressBook, network: bool, as_json: bool) -> None:
    """Every camera, with its state."""
    seen, trouble = look(book, network)
    if trouble:
        print(f"lenswire: {trouble}", file=sys.stderr)
    if as_json:
        print(json.dumps([about(entry) for entry in seen]))
    elif seen:
        print("\n".join(table(seen)))
    else:
        print(
            f"the address book {book.path} is empty" + (", and no camera was found on the network" if network else "")
        )


def about(entry: Entry) -> dict[str, Any]:
    """For programs; never the key."""
    target = entry.target
    return {
        "name": entry.name,
        "address": target.address,
        "state": entry.state,
        "reason": entry.reason,
        "version": entry.status.version if entry.status else "",
        "in_book": entry.booked,
        "on_network": entry.announced,
        "paired": bool(target.key),
        "tls": bool(target.fingerprint),
        "fingerprint": as_text(target.fingerprint),
    }


def add(book: AddressBook, link: str, name: str | None) -> None:
    """Keep a device under a name; without one it is asked for its own. "-" is the link on stdin, which no list of
    processes shows.
    """
    target = parse_target(sys.stdin.readline() if link == "-" else link)
    if name is None:
        with Camera(target, None) as camera:
            name = camera.device_name
    if book.get(name) == replace(target, name=name):
        print(f"{name} is in the address book already: lenswire view {name}")
        return
    book.add(name, target)
    print(f"{name} is in the address book: lenswire view {name}")
