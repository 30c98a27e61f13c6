"""A Status <-> JSON: the one message that grows without a new version of the protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lenswire.errors import ProtocolError
from lenswire.messages import MAX_COUNT, MAX_STATUS, Status, printable

TYPES: dict[str, type] = {
    f.name: tuple if f.name == "renditions" else type(f.default) if f.name != "state" else str for f in fields(Status)
}


def from_json(payload: bytes | memoryview) -> Status:
    """Fields that are not known are skipped: a newer device may say more. Raises ProtocolError."""
    try:
        told = json.loads(str(payload, "utf-8"))
        if not isinstance(told, dict) or "state" not in told:
            raise ProtocolError("status: expected a JSON object with a state")
        return Status(**{name: _status_value(name, told[name]) for name in TYPES if name in told})
    except (ValueError, RecursionError, OverflowError) as error:
        if isinstance(error, ProtocolError):
            raise
        raise ProtocolError(f"status: not what it should be ({type(error).__name__})") from None


def _status_value(name: str, value: Any) -> Any:
    expected = TYPES[name]
    if expected is str and isinstance(value, str):
        return printable(value)
    if expected is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if expected is tuple and isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return tuple(_numbers(item) for item in value)
    if expected is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ProtocolError(f"status: {name}: expected {expected.__name__}, got {type(value).__name__}")


def _numbers(told: dict[str, Any]) -> dict[str, Any]:
    """What a rendition says in numbers; anything else, such as NaN or text for our terminal, is skipped."""
    return {
        printable(name): value
        for name, value in told.items()
        if isinstance(value, int | float) and 0 <= value <= MAX_COUNT
    }


def to_json(status: Status) -> bytes:
    """The Status as JSON of at most MAX_STATUS bytes; renditions that do not fit are left out. Raises ProtocolError."""
    said: dict[str, Any] = {name: getattr(status, name) for name in TYPES} | {"renditions": []}
    length = len(_json(said))
    if length > MAX_STATUS:
        raise ProtocolError(f"status: {length} bytes, the limit is {MAX_STATUS}")
    for rendition in status.renditions:
        length += len(_json(rendition)) + bool(said["renditions"])  # and a comma
        if length > MAX_STATUS:
            break
        said["renditions"].append(rendition)
    return _json(said)


def _json(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
