"""Finding a paired device that is no longer where its link says: real sockets, and a network that says what we like."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lenswire.errors import ConnectError, MissingDependency, Refused
from lenswire.link import Target
from lenswire.viewer.neighbours import Neighbour
from lenswire.viewer.waiting import Stopped, Waiting
from lenswire.viewer.whereabouts import Whereabouts
from scripted_device import KEY, ScriptedDevice

NOWHERE = "nowhere.invalid"


class Network:
    """Stands in for Neighbours: one at a time, and it counts how often it was opened and closed."""

    def __init__(self, *found: Neighbour, trouble: Exception | None = None) -> None:
        self.found, self.trouble = list(found), trouble
        self.opened = self.closed = 0
        self.changed: Callable[[], None] = lambda: None

    def __call__(self, changed: Callable[[], None]) -> Any:
        self.changed = changed
        return self

    def open(self) -> Network:
        if self.trouble:
            raise self.trouble
        self.opened += 1
        return self

    def close(self) -> None:
        self.closed += 1


def at(*devices: Target) -> list[Neighbour]:
    return [Neighbour("x", "x.local", (device.host,), device.port, device.fingerprint, False) for device in devices]


def dial(whereabouts: Whereabouts) -> tuple[str, int]:
    with contextlib.closing(Waiting()) as waiting, whereabouts.dial(waiting, 1.0, 1.0) as sock:
        peer: tuple[str, int] = sock.getpeername()
    return peer


def test_it_is_found_where_the_network_says_and_remembered() -> None:
    with ScriptedDevice(tls=True, key=KEY) as device:
        network = Network(*at(device.target))
        whereabouts = Whereabouts(replace(device.target, host=NOWHERE), 5.0, network)
        assert dial(whereabouts) == ("127.0.0.1", device.port)
        assert dial(whereabouts) == ("127.0.0.1", device.port)
    assert (network.opened, network.closed) == (1, 1)


def test_a_liar_is_passed_over() -> None:
    with ScriptedDevice(tls=True, key=KEY) as device, ScriptedDevice() as liar:
        fake = replace(liar.target, fingerprint=device.target.fingerprint)
        whereabouts = Whereabouts(replace(device.target, host=NOWHERE), 5.0, Network(*at(fake, device.target)))
        assert dial(whereabouts) == ("127.0.0.1", device.port)
        assert liar.accepted == 1


def test_only_the_first_time_it_waits_for_the_network() -> None:
    whereabouts = Whereabouts(Target(NOWHERE, 8880, bytes(32), KEY), 0.3, network := Network())
    took = []
    for _ in range(2):
        begun = time.monotonic()
        with pytest.raises(ConnectError, match="no host named"):
            dial(whereabouts)
        took.append(time.monotonic() - begun)
    assert took[0] >= 0.3 > took[1]
    assert (network.opened, network.closed) == (1, 0)
    whereabouts.close()
    assert network.closed == 1


def test_what_comes_late_is_found_by_a_later_dial() -> None:
    with ScriptedDevice(tls=True, key=KEY) as device:
        whereabouts = Whereabouts(replace(device.target, host=NOWHERE), 0.01, network := Network())
        with pytest.raises(ConnectError):
            dial(whereabouts)
        network.found = at(device.target)
        assert dial(whereabouts) == ("127.0.0.1", device.port)


def test_it_may_move_again() -> None:
    with ScriptedDevice(tls=True, key=KEY) as first, ScriptedDevice(tls=True, key=KEY) as second:
        whereabouts = Whereabouts(replace(first.target, host=NOWHERE), 5.0, network := Network(*at(first.target)))
        assert dial(whereabouts)[1] == first.port
        first.die()
        network.found = at(second.target)
        assert dial(whereabouts)[1] == second.port
        first.live()


@pytest.mark.parametrize("target", [Target(NOWHERE), Target("127.0.0.1", 1, bytes(32), KEY)])
def test_what_cannot_be_recognized_or_cannot_move_is_not_looked_for(target: Target) -> None:
    whereabouts = Whereabouts(target, 5.0, network := Network())
    with pytest.raises(ConnectError):
        dial(whereabouts)
    assert network.opened == 0


def test_another_device_at_its_address_is_still_refused_if_it_is_nowhere_else() -> None:
    with ScriptedDevice(tls=True, key=KEY) as device:
        target = replace(device.target, host="localhost", fingerprint=bytes(32))
        with pytest.raises(Refused, match="wrong fingerprint"):
            dial(Whereabouts(target, 0.01, Network()))


def test_a_machine_that_cannot_look_says_what_it_would_have_said() -> None:
    network = Network(trouble=MissingDependency("no zeroconf"))
    with pytest.raises(ConnectError, match="no host named"):
        dial(Whereabouts(Target(NOWHERE, 8880, bytes(32), KEY), 5.0, network))


def test_who_stops_need_not_wait_for_the_network() -> None:
    whereabouts = Whereabouts(Target(NOWHERE, 8880, bytes(32), KEY), 60.0, Network())
    with contextlib.closing(Waiting()) as waiting:
        waiting.stop()
        with pytest.raises(Stopped):
            whereabouts.dial(waiting, 1.0, 1.0)
