"""Programs of the system that some tests need."""

import os
import shutil

import pytest


def need(*programs: str) -> None:
    """Skip the test where one is missing, saying how to have it; in CI, where they are installed, that is a failure."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        words = f"needs {', '.join(missing)}; .ci/run shows Debian's packages"
        assert "CI" not in os.environ, words
        pytest.skip(words)
