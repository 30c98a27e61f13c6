"""Programs of the system that some tests need."""

import os
import shutil
import subprocess

import pytest


def need(*programs: str) -> None:
    """Skip the test where one is missing, saying how to have it; in CI, where they are installed, that is a failure."""
    _need([program for program in programs if not shutil.which(program)])


def need_python(module: str, package: str) -> None:
    """The same for a module of the system's Python, which comes with one of Debian's packages."""
    folder, _, name = module.rpartition(".")
    done = subprocess.run(["/usr/bin/python3", "-c", f"from {folder} import {name}"], capture_output=True, check=False)
    _need([package] if done.returncode else [])


def _need(missing: list[str]) -> None:
    if missing:
        words = f"needs {', '.join(missing)}; .ci/run shows Debian's packages"
        assert "CI" not in os.environ, words
        pytest.skip(words)
