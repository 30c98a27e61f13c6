"""The proof of the key: what it is bound to, and what replaying, relaying and guessing are worth."""

from __future__ import annotations

import pytest

from fake_link import FINGERPRINT, KEY, NOW, SECRET, Link, at, device, opened, viewer
from lenswire import wire
from lenswire.ends import WRONG_KEY, DeviceConnection
from lenswire.errors import ProtocolError
from lenswire.messages import (
    Close,
    CloseCode,
    Command,
    Credit,
    Proof,
    Verb,
    Watch,
)
from lenswire.protocol import State, proof


@pytest.mark.parametrize("part", range(4))
def test_a_proof_is_bound_to_everything(part: int) -> None:
    parts = [KEY, FINGERPRINT, b"d" * 32, b"v" * 32]
    changed = [*parts[:part], bytes([parts[part][0] ^ 1]) + parts[part][1:], *parts[part + 1 :]]
    assert proof(*parts) != proof(*changed)


def test_a_proof_made_to_a_man_in_the_middle_is_worth_nothing() -> None:
    """He relays what both say, so that the nonces are right, but the viewer saw his certificate."""
    link = Link(device(**SECRET, key_needed=True), viewer(key=KEY, fingerprint=b"m" * 32))
    link.run()
    assert link.device.events() == [Close(CloseCode.KEY, WRONG_KEY)]


def test_a_recorded_session_cannot_be_played_back() -> None:
    link = opened(**SECRET, key_needed=True)
    link.say(link.viewer, Watch(), Credit(0, 2), Command(1, Verb.START))
    victim = device(b"D" * 32, **SECRET, key_needed=True)
    victim.receive_data(link.to_device, NOW)
    assert victim.events() == [Close(CloseCode.KEY, WRONG_KEY)] and victim.credit == 0


def test_a_device_without_a_need_for_keys_gives_no_oracle() -> None:
    """PROOF is not even heard where it was not asked for."""
    link = opened(**SECRET)
    with pytest.raises(ProtocolError, match="does not expect PROOF while open"):
        link.device.receive_data(wire.encode(Proof(bytes(32))), NOW)


@pytest.mark.parametrize("flaw", [b"\0" * 32, b"\xff" * 32, proof(KEY, FINGERPRINT, b"v" * 32, b"d" * 32)])
def test_a_wrong_proof_gives_no_second_try(flaw: bytes) -> None:
    connection = at(DeviceConnection, State.PROVING)
    connection.receive_data(wire.encode(Proof(flaw)), NOW)
    connection.receive_data(wire.encode(Proof(proof(KEY, FINGERPRINT, b"d" * 32, b"v" * 32))), NOW)
    assert connection.events() == [Close(CloseCode.KEY, WRONG_KEY)]


def test_the_right_proof_opens() -> None:
    connection = at(DeviceConnection, State.PROVING)
    connection.receive_data(wire.encode(Proof(proof(KEY, FINGERPRINT, b"d" * 32, b"v" * 32))), NOW)
    assert connection.state is State.OPEN
