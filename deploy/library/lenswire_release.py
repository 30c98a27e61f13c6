"""The releases on a device: each in a folder of its own with its own Python environment, and a link to the current one.

A release is there when its `release.json` is: that comes last, when all the rest is on the disk. What a full disk, a
lost connection or a power cut left behind has none, is never made current, and the next run begins it anew. (The whole
folder cannot be renamed into place, since a Python environment has its own path in its scripts.) The unit that systemd
starts is the current release's, so code and unit change in one step.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: lenswire_release
short_description: The releases of lenswire on a device
options:
  version:
    description: Which one. Without it C(current) means the one before the current one.
    type: str
  state:
    description:
      - C(installed) makes it from O(bundle), beside the running one.
      - C(current) makes systemd run it, and waits until it says that it is ready; with settings newer than what runs,
        it is started again.
      - C(absent) removes it.
      - C(pruned) removes all but the current one and the one before.
    type: str
    choices: [installed, current, absent, pruned]
    required: true
  bundle:
    description: bundle.tar of a wheelhouse, on the device; it is removed.
    type: path
  config:
    description: What the new release must be able to read.
    type: path
  restart:
    description: Restart the service in any case.
    type: bool
    default: false
"""

ROOT = Path("/opt/lenswire")
UNIT = "lenswire.service"
UNIT_LINK = Path("/etc/systemd/system") / UNIT
WANTED_LINK = UNIT_LINK.parent / "multi-user.target.wants" / UNIT
COMMAND_LINK = Path("/usr/local/bin/lenswire")
CONFIG = Path("/etc/lenswire/lenswire.toml")
LAST = "release.json"


class Failed(Exception):
    """It could not be done; a sentence."""


class Releases:
    """The folders below /opt/lenswire."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root

    def path(self, version: str) -> Path:
        return self.root / "releases" / version

    def has(self, version: str) -> bool:
        return (self.path(version) / LAST).exists()

    def named(self, link: str) -> str:
        """The version that `current` or `previous` means; empty if it means none."""
        target = self.root / link
        return target.readlink().name if target.is_symlink() and target.exists() else ""

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One at a time: after a lost connection the last run may still be at it."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def install(self, version: str, bundle: Path, config: Path | None) -> None:
        """Make a release of a bundle, beside the others. Raises Failed, and then nothing of it is left."""
        release = self.path(version)
        wheels = release / "wheels"
        shutil.rmtree(release, ignore_errors=True)
        try:
            wheels.mkdir(parents=True)
            with tarfile.open(bundle) as tar:
                # Bookworm's Python is older than the filter.
                tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
                tar.extractall(wheels)  # noqa: S202 (it is our own, and came through ssh)
            self._fill(release, wheels, version, config)
            for name in ("lenswire.service", "requirements.txt"):
                shutil.copy(wheels / name, release)
            (wheels / LAST).rename(release / f".{LAST}")
            (release / f".{LAST}").touch()  # the newest release is the one installed last
            shutil.rmtree(wheels)
            os.sync()
            (release / f".{LAST}").rename(release / LAST)
            os.sync()
        except (OSError, tarfile.TarError, subprocess.SubprocessError, Failed) as error:
            shutil.rmtree(release, ignore_errors=True)
            raise Failed(f"release {version} could not be installed: {reason(error)}") from None
        finally:
            bundle.unlink(missing_ok=True)

    def _fill(self, release: Path, wheels: Path, version: str, config: Path | None) -> None:
        python = str(release / "bin/python")
        # Debian's Python comes without pip, and without what would install it; the bundle brings it.
        run("/usr/bin/python3", "-m", "venv", "--without-pip", "--system-site-packages", str(release))
        pip = next(wheels.glob("pip-*.whl")) / "pip"
        quiet = ("--isolated", "--disable-pip-version-check", "--quiet", "--no-cache-dir")
        offline = ("--no-index", f"--find-links={wheels}", "--no-deps", "--require-hashes")
        run(python, str(pip), *quiet, "install", *offline, f"--requirement={wheels}/requirements.txt", temporary=wheels)
        said = run(str(release / "bin/lenswire"), "--version")
        if said != f"lenswire {version}":
            raise Failed(f"it says that it is {said!r}")
        if config and config.exists():
            run(str(release / "bin/lenswire"), "check", str(config))

    def link(self, version: str) -> bool:
        """Make a release the current one, in one step. Returns whether it was not. Raises Failed."""
        if not self.has(version):
            raise Failed(f"there is no release {version or 'before this one'} to go to")
        was = self.named("current")
        if was == version:
            return False
        if was:
            point(self.root / "previous", f"releases/{was}")
        point(self.root / "current", f"releases/{version}")
        return True

    def prune(self) -> list[str]:
        """Remove what is neither the current release nor the one before. Returns what was removed."""
        keep = {self.named("current"), self.named("previous")}
        names = [path.name for path in sorted((self.root / "releases").glob("*")) if path.name not in keep]
        for name in names:
            self.remove(name)
        return names

    def remove(self, version: str) -> bool:
        """Remove a release that is not the current one. Returns whether it was there. Raises Failed."""
        if version == self.named("current"):
            raise Failed(f"release {version} is the current one")
        path = self.path(version)
        there = path.exists()
        # First what makes it a release: a power cut in the middle leaves nothing that looks like one.
        (path / LAST).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)
        previous = self.root / "previous"
        if previous.is_symlink() and not self.named("previous"):
            previous.unlink()
            if others := [name for name in self.names() if name != self.named("current")]:
                point(previous, f"releases/{others[-1]}")
        return there

    def names(self) -> list[str]:
        """All releases, the newest last."""
        lasts = sorted((self.root / "releases").glob(f"*/{LAST}"), key=lambda last: last.stat().st_mtime)
        return [last.parent.name for last in lasts]


def point(link: Path, target: str) -> None:
    """Let a symbolic link point there: before or after, never in between."""
    draft = link.with_name(f".{link.name}.new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(link)
    os.sync()


def offer_command(link: Path = COMMAND_LINK) -> None:
    """Let whoever logs in call the current release by name, unless another lenswire has that place."""
    if not os.path.lexists(link):
        link.parent.mkdir(parents=True, exist_ok=True)
        point(link, f"{ROOT}/current/bin/lenswire")


def start(again: bool) -> bool:
    """Let systemd run the current release, now and at every power-on. Returns whether that was news. Raises Failed."""
    changed = again
    for link in (UNIT_LINK, WANTED_LINK):
        target = f"{ROOT}/current/{UNIT}" if link is UNIT_LINK else f"../{UNIT}"
        if not (link.is_symlink() and str(link.readlink()) == target):
            link.parent.mkdir(parents=True, exist_ok=True)
            point(link, target)
            changed = True
    changed = changed or is_stale()
    if changed:
        run("systemctl", "daemon-reload")
    if changed or not is_active():
        run("systemctl", "reset-failed", UNIT, lenient=True)
        try:
            run("systemctl", "restart", UNIT)
        except Failed:
            raise Failed(f"the service does not start: {last_words()}") from None
        return True
    return False


def is_active() -> bool:
    return run("systemctl", "is-active", UNIT, lenient=True) == "active"


def is_stale(config: Path = CONFIG) -> bool:
    """Whether it was started before what it should run with was there: the last run may have ended in between."""
    began = run("systemctl", "show", UNIT, "--property=ExecMainStartTimestampMonotonic", "--value", lenient=True)
    running = time.monotonic() - int(began or 0) / 1e6
    paths = [path for path in (config, ROOT / "current", UNIT_LINK) if os.path.lexists(path)]
    return any(time.time() - path.lstat().st_mtime < running for path in paths)


def last_words() -> str:
    """What the service said last."""
    said = run("journalctl", "--unit", UNIT, "--lines=20", "--output=cat", "--no-pager", lenient=True).splitlines()
    ours = [line for line in said if not line.startswith(("Starting", "Failed", "Stopped", UNIT))]
    return " / ".join(ours[-3:]) or "it says nothing; see journalctl -u lenswire"


def run(*command: str, lenient: bool = False, temporary: Path | None = None) -> str:
    """What a program prints. Raises Failed with its last words, unless lenient."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    if temporary:
        environment["TMPDIR"] = str(temporary)
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if ran.returncode and not lenient:
        raise Failed((ran.stderr or ran.stdout).strip()[-500:] or f"{command[0]} ended with {ran.returncode}")
    return ran.stdout.strip()


def reason(error: Exception) -> str:
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)


def act(module: AnsibleModule) -> dict[str, Any]:
    """Do as the module is told. Raises Failed."""
    releases, version, state = Releases(), module.params["version"] or "", module.params["state"]
    told = {"was": releases.named("current"), "version": version}
    if state == "installed":
        if releases.has(version):
            return {**told, "changed": False}
        if not module.check_mode:
            with releases.locked():
                releases.install(version, Path(module.params["bundle"]), Path(module.params["config"]))
        return {**told, "changed": True}
    if state == "current":
        told["version"] = version = version or releases.named("previous")
        if module.check_mode:
            news = version != told["was"] or module.params["restart"]
            return {**told, "changed": news or not is_active() or is_stale()}
        with releases.locked():
            news = releases.link(version)
        offer_command()
        return {**told, "changed": start(news or module.params["restart"])}
    if module.check_mode:
        return {**told, "changed": False}
    with releases.locked():
        changed = bool(releases.prune() if state == "pruned" else releases.remove(version))
    return {**told, "changed": changed}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "version": {"type": "str"},
            "state": {"type": "str", "choices": ["installed", "current", "absent", "pruned"], "required": True},
            "bundle": {"type": "path"},
            "config": {"type": "path", "default": str(CONFIG)},
            "restart": {"type": "bool", "default": False},
        },
        required_if=[("state", "installed", ["version", "bundle"]), ("state", "absent", ["version"])],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**act(module))
    except Failed as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
