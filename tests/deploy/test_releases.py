"""The modules that run on a device, on folders of this machine; the fleet runs them for real."""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
from pathlib import Path

import pytest
from ansible_command import DEPLOY

sys.path += [str(DEPLOY), str(DEPLOY / "library")]

import lenswire_files
import lenswire_release
from lenswire_release import Failed, Releases

import wheelhouse


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    """A device with 1.0, 1.1 and the half of a 1.2."""
    releases = Releases(tmp_path)
    for version in ("1.0", "1.1", "1.2"):
        releases.path(version).mkdir(parents=True)
    for version in ("1.0", "1.1"):
        (releases.path(version) / "release.json").write_text("{}")
        assert releases.link(version)
    return releases


def test_current_moves_in_one_step_and_previous_follows(releases: Releases) -> None:
    assert (releases.named("current"), releases.named("previous")) == ("1.1", "1.0")
    assert not releases.link("1.1")
    assert releases.link("1.0")
    assert (releases.named("current"), releases.named("previous")) == ("1.0", "1.1")
    assert (releases.root / "current").readlink() == Path("releases/1.0")


@pytest.mark.parametrize("version", ["1.2", "1.3", ""])
def test_what_is_not_whole_is_never_current(releases: Releases, version: str) -> None:
    with pytest.raises(Failed, match="there is no release"):
        releases.link(version)
    assert releases.named("current") == "1.1"


def test_the_command_is_on_the_path_unless_another_has_that_place(tmp_path: Path) -> None:
    link = tmp_path / "bin/lenswire"
    for _ in range(2):
        lenswire_release.offer_command(link)
        assert str(link.readlink()) == "/opt/lenswire/current/bin/lenswire"
    link.unlink()
    link.write_text("somebody's own")
    lenswire_release.offer_command(link)
    assert link.read_text() == "somebody's own"


def test_the_last_two_are_kept(releases: Releases) -> None:
    assert releases.prune() == ["1.2"]
    assert releases.prune() == []
    (releases.path("1.3")).mkdir()
    (releases.path("1.3") / "release.json").write_text("{}")
    releases.link("1.3")
    assert releases.prune() == ["1.0"]
    assert (releases.named("current"), releases.named("previous")) == ("1.3", "1.1")


def test_a_release_that_failed_is_forgotten(releases: Releases) -> None:
    (releases.path("1.2") / "release.json").write_text("{}")
    releases.link("1.2")
    with pytest.raises(Failed, match=r"1\.2 is the current one"):
        releases.remove("1.2")
    releases.link("1.1")
    assert releases.remove("1.2")
    assert not releases.remove("1.2")
    assert (releases.named("current"), releases.named("previous")) == ("1.1", "1.0")


def test_what_cannot_be_installed_leaves_nothing(releases: Releases, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.tar"
    bundle.write_text("half a bun")
    with pytest.raises(Failed, match=r"release 1\.3 could not be installed"):
        releases.install("1.3", bundle, None)
    assert not releases.path("1.3").exists()
    assert not bundle.exists()
    assert releases.named("current") == "1.1"


def test_one_installs_at_a_time(releases: Releases) -> None:
    with releases.locked(), (releases.root / ".lock").open() as lock, pytest.raises(BlockingIOError):
        lenswire_release.fcntl.flock(lock, lenswire_release.fcntl.LOCK_EX | lenswire_release.fcntl.LOCK_NB)


# Files


def wanted(path: Path, content: str | None, mode: str = "0644") -> dict[str, object]:
    return {"path": str(path), "content": content, "mode": mode, "validate": None, "when": True}


def test_what_was_there_can_be_put_back(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "folder/new"
    old.write_text("as it was")
    old.chmod(0o600)
    before = [lenswire_files.look(path) for path in (old, new)]
    for path in (old, new):
        write = wanted(path, "as it is")
        assert lenswire_files.differs(write, path, lenswire_files.look(path))
        lenswire_files.write(path, write, None)
        assert not lenswire_files.differs(write, path, lenswire_files.look(path))
    assert lenswire_files.look(old)["mode"] == "0644"
    lenswire_files.write(old, {**wanted(old, None), **before[0]}, None)
    assert before[1]["content"] is None
    lenswire_files.remove(new)
    assert [lenswire_files.look(path) for path in (old, new)] == before


def test_a_folder_and_a_link_go_as_a_whole_and_alone(tmp_path: Path) -> None:
    (tmp_path / "folder/inner").mkdir(parents=True)
    (tmp_path / "folder/inner/file").touch()
    (tmp_path / "link").symlink_to("folder")
    lenswire_files.remove(tmp_path / "link")
    assert (tmp_path / "folder/inner/file").exists()
    lenswire_files.remove(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


# The wheelhouse


def test_a_bundle_is_the_same_bytes_whenever_it_is_made(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "lenswire-1.0-py3-none-any.whl").write_bytes(b"wheel")
        wheelhouse.bundle(folder)
        digests.add(hashlib.sha256((folder / "bundle.tar").read_bytes()).hexdigest())
    assert len(digests) == 1
    with tarfile.open(folder / "bundle.tar") as tar:
        assert tar.getnames() == ["lenswire-1.0-py3-none-any.whl"]
    line = wheelhouse.requirement(folder / "lenswire-1.0-py3-none-any.whl")
    assert line == f"lenswire==1.0 --hash=sha256:{hashlib.sha256(b'wheel').hexdigest()}\n"


def test_half_a_wheelhouse_is_none(tmp_path: Path) -> None:
    release = {"version": "1.0"}
    assert not wheelhouse.is_made(tmp_path, release)
    for text, made in (("{", False), ('{"version": "0.9"}', False), (json.dumps(release), True)):
        (tmp_path / "release.json").write_text(text)
        assert wheelhouse.is_made(tmp_path, release) is made


def test_a_tree_s_release_has_a_name_that_no_other_tree_s_has() -> None:
    version, mark, digest = wheelhouse.version_of_tree().partition("+t")
    assert (version, mark, digest) == (wheelhouse.version_of_tree().split("+")[0], "+t", wheelhouse.digest()[:8])


@pytest.mark.parametrize("python", wheelhouse.PYTHONS)
def test_everything_that_a_device_needs_is_pinned(python: str) -> None:
    import tomllib

    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    needed = {line.split(">=")[0] for extra in ("device", "pi") for line in project[extra] if "[" not in line}
    pins = [line for line in (DEPLOY / f"pins/{python}.txt").read_text().splitlines() if not line.startswith("#")]
    assert needed | {"pip"} <= {pin.split("==")[0] for pin in pins}
    assert all(len(pin.split("==")) == 2 for pin in pins)
