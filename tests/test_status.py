"""STATUS, the message with a life of its own: what is heard, what is refused, and what does not fit."""

from __future__ import annotations

import re

import pytest

from lenswire import status as status_json
from lenswire import wire
from lenswire.errors import ProtocolError
from lenswire.messages import MAX_STATUS, VERSIONS, Kind, Status


def heard(payload: bytes) -> Status:
    """As it comes over the wire."""
    header = wire.HEADER.pack(wire.MAGIC, VERSIONS[1], Kind.STATUS, 0, 0, 0, len(payload))
    message = wire.decode(wire.decode_header(header), payload)
    assert isinstance(message, Status)
    return message


def status(text: str) -> Status:
    return heard(text.encode())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not what it should be"),
        ("{", "not what it should be"),
        ("[" * MAX_STATUS, "RecursionError"),
        ("[]", "expected a JSON object with a state"),
        ("{}", "expected a JSON object with a state"),
        ('{"state":1}', "status: state: expected str, got int"),
        ('{"state":null}', "status: state: expected str, got NoneType"),
        ('{"state":"","width":1.5}', "status: width: expected int, got float"),
        ('{"state":"","width":true}', "status: width: expected int, got bool"),
        ('{"state":"","width":-1}', "status: width: expected 0 to 9007199254740991, got -1"),
        ('{"state":"","captured":9007199254740992}', "status: captured: expected 0 to 9007199254740991"),
        ('{"state":"","viewers":%s}' % ("9" * 4000), "got 99999999999999999999"),
        ('{"state":"","viewers":%s}' % ("9" * 5000), "not what it should be"),
        ('{"state":"","fps":"30"}', "status: fps: expected float, got str"),
        ('{"state":"","fps":NaN}', "status: fps: expected 0 to 9007199254740991, got nan"),
        ('{"state":"","fps":1e999}', "status: fps: expected 0 to 9007199254740991, got inf"),
        ('{"state":"","uptime":%s}' % ("9" * 400), "not what it should be (OverflowError)"),
        ('{"state":"","renditions":{}}', "status: renditions: expected tuple, got dict"),
        ('{"state":"","renditions":[1]}', "status: renditions: expected tuple, got list"),
    ],
)
def test_a_status_is_refused(text: str, words: str) -> None:
    with pytest.raises(ProtocolError, match=re.escape(words)) as caught:
        status(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
def test_a_status_is_utf_8_and_nothing_else(encoding: str) -> None:
    with pytest.raises(ProtocolError):
        heard('{"state":"READY"}'.encode(encoding))


def test_a_status_says_as_much_as_it_likes() -> None:
    assert status('{"state":"READY"}') == Status("READY")
    assert status('{"state":"READY","mood":[[1]],"fps":30}') == Status("READY", fps=30.0)


def test_what_is_not_a_number_in_a_rendition_is_skipped() -> None:
    told = '{"id":1,"fps":NaN,"made":1e999,"width":-1,"name":"\\u001b[2J","deep":[[]],"\\u001b":2}'
    assert status(f'{{"state":"READY","renditions":[{told}]}}') == Status("READY", renditions=({"id": 1, "\ufffd": 2},))


def test_renditions_that_do_not_fit_are_left_out() -> None:
    full = Status("STREAMING", renditions=tuple({"id": number, "made": 0} for number in range(2000)))
    data = wire.encode(full)
    told = heard(data[wire.HEADER.size :]).renditions
    assert told == full.renditions[: len(told)]
    assert MAX_STATUS - 40 < len(data) - wire.HEADER.size <= MAX_STATUS


def test_what_does_not_fit_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand renditions do not hold up the loop."""
    made: list[int] = []
    encode = status_json._json
    monkeypatch.setattr(status_json, "_json", lambda said: made.append(len(data := encode(said))) or data)
    wire.encode(Status("STREAMING", renditions=tuple({"id": number, "made": 0} for number in range(1000))))
    assert sum(made) < 3 * MAX_STATUS


def test_a_status_that_cannot_fit_is_refused() -> None:
    with pytest.raises(ProtocolError, match="the limit is 16384"):
        wire.encode(Status("READY", reason="x" * MAX_STATUS))


def test_a_full_device_fits_into_a_status() -> None:
    plan = {"width": 1280, "height": 720, "fps": 29.97, "quality": 80, "viewers": 1, "made": 1_000_000}
    full = Status("STREAMING", renditions=tuple({"id": number, **plan} for number in range(128)))
    assert heard(wire.encode(full)[wire.HEADER.size :]) == full
