"""The command `cameras`: the address book."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace

from lenswire.client import Camera
from lenswire.link import AddressBook, Target, parse_target


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
            print("\n".join(map(describe, book)) or f"the address book {book.path} is empty")
    return 0


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


def describe(target: Target) -> str:
    """One line, without the key."""
    how = "article's dialect" if target.legacy else "paired, TLS" if target.key else "TLS" if target.fingerprint else ""
    return f"{target.name:<20} {target.address:<32} {how or 'no key, not encrypted'}"
