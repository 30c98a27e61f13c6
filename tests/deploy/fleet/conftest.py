"""The fleet: powered on once, provisioned by the first test, and handed from test to test as it then is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts import Host, fleet
from rig import FAULTS, Rig, wheelhouse

NAMES = ["porch", "gate", "attic"]  # in the order in which they are updated


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    assert os.geteuid() == 0, "the fleet's namespaces take root"
    folder: Path = tmp_path_factory.mktemp("fleet")
    releases = {version: wheelhouse(version) for version in ("1.0", "1.1", *FAULTS)}
    began = time.monotonic()
    with fleet(NAMES, folder) as hosts:
        print(f"{len(hosts)} hosts in {time.monotonic() - began:.1f} s")
        yield Rig(hosts, folder, releases)


@pytest.fixture
def porch(rig: Rig) -> Host:
    return rig.hosts[0]


@pytest.fixture
def others(rig: Rig) -> dict[str, str]:
    """When the other two were started: who compares sees whether anybody touched them."""
    return {host.name: rig.since(host) for host in rig.hosts[1:]}
