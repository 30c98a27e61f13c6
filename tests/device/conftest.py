"""Fixtures of the device's tests."""

import pytest

from lenswire.device.identity import Identity, load_or_make


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return load_or_make(tmp_path_factory.mktemp("state"), "porch")
