"""Everything of Python that a device needs, in one folder, made on the controller: a device asks no index for anything.

    python deploy/wheelhouse.py --arch aarch64 --python 3.13 --to DIR

DIR then holds the wheels (lenswire's own, built from this tree, the pinned ones that it needs, and pip, which installs
them), `requirements.txt` with their hashes, the service's unit, `release.json`, and all of it again as `bundle.tar`:
one file to push. On the device:

    pip install --no-index --find-links DIR --require-hashes -r DIR/requirements.txt
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent
TREE = DEPLOY.parent
UNIT = DEPLOY / "systemd/lenswire.service"
ARCHITECTURES = "aarch64", "x86_64"
PYTHONS = "3.11", "3.13"  # bookworm's and trixie's
# Newest first. Bookworm has glibc 2.36, so nothing newer than its wheels will do for both.
GLIBC = "manylinux_2_36", "manylinux_2_28", "manylinux_2_17", "manylinux2014"
VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


def main() -> None:
    """Make the wheelhouse, unless it is there and made from what is here now."""
    args = parser().parse_args()
    version = args.version or version_of_tree()
    release = {"version": version, "arch": args.arch, "python": args.python, "made_from": digest()}
    args.to.parent.mkdir(parents=True, exist_ok=True)
    with args.to.with_name(args.to.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a playbook asks for several hosts at once
        if not is_made(args.to, release):
            make(args.to, release)
    wheels = list(args.to.glob("*.whl"))
    size = sum(wheel.stat().st_size for wheel in wheels) / 1e6
    print(f"lenswire {version} for {args.arch}, Python {args.python}: {len(wheels)} wheels, {size:.0f} MB in {args.to}")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    words = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="wheelhouse.py", description=words)
    parser.add_argument("--arch", choices=ARCHITECTURES, required=True, help="the device's, as `uname -m` says it")
    parser.add_argument("--python", choices=PYTHONS, required=True, help="the device's /usr/bin/python3")
    parser.add_argument("--to", type=Path, required=True, metavar="DIR", help="replaced if it is there")
    parser.add_argument("--version", help="call it so (default: the tree's version and a mark of what is in it)")
    return parser


def version_of_tree() -> str:
    """Such as 0.1.0+t1f0c82ab: two trees that differ never share a name, so a release on a device is never replaced."""
    told = VERSION.findall((TREE / "firmware/lenswire/__init__.py").read_text())[0]
    return f"{told}+t{digest()[:8]}"


def digest() -> str:
    """One hash of all that a wheelhouse is made from."""
    kinds = ".py", ".html", ".typed"
    package = sorted(file for file in (TREE / "firmware/lenswire").rglob("*") if file.suffix in kinds)
    whole = hashlib.sha256()
    for file in [*package, TREE / "pyproject.toml", *sorted((DEPLOY / "pins").iterdir()), UNIT, Path(__file__)]:
        whole.update(hashlib.sha256(file.read_bytes()).digest() + str(file.relative_to(TREE)).encode())
    return whole.hexdigest()


def is_made(directory: Path, release: dict[str, str]) -> bool:
    """Whether it is there, whole, and of this release: release.json comes with the last rename."""
    try:
        return bool(json.loads((directory / "release.json").read_text()) == release)
    except (FileNotFoundError, ValueError):
        return False


def make(directory: Path, release: dict[str, str]) -> None:
    """All or nothing: a folder beside it takes its place when it is whole."""
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as temporary:
        draft = Path(temporary) / "wheelhouse"
        draft.mkdir()
        ours = build(draft, release["version"])
        download(draft, ours, release)
        wheels = sorted(wheel for wheel in draft.glob("*.whl") if not wheel.name.startswith("pip-"))
        (draft / "requirements.txt").write_text("".join(map(requirement, wheels)))
        shutil.copy(UNIT, draft)
        (draft / "release.json").write_text(json.dumps(release, indent=1) + "\n")
        bundle(draft)
        shutil.rmtree(directory, ignore_errors=True)
        draft.rename(directory)


def build(draft: Path, version: str) -> Path:
    """The wheel of this tree, from a copy of it: nothing is left behind, and the version can be another."""
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(TREE / name, copy)
        shutil.copytree(TREE / "firmware/lenswire", copy / "firmware/lenswire", ignore=shutil.ignore_patterns("__pyc*"))
        about = copy / "firmware/lenswire/__init__.py"
        about.write_text(VERSION.sub(f'__version__ = "{version}"', about.read_text()))
        pip("wheel", "--no-deps", "--wheel-dir", str(draft), str(copy))
    return next(draft.glob("lenswire-*.whl"))


def download(draft: Path, ours: Path, release: dict[str, str]) -> None:
    """The pinned wheels, and nothing that would have to be built on a device."""
    platforms = [f"--platform={glibc}_{release['arch']}" for glibc in GLIBC]
    pins = DEPLOY / f"pins/{release['python']}.txt"
    pip(
        *(
            "download",
            "--only-binary=:all:",
            "--implementation=cp",
            f"--python-version={release['python']}",
            *platforms,
        ),
        *("--dest", str(draft), "--constraint", str(pins), f"{ours}[pi,web]", "pip"),
    )


def pip(*arguments: str) -> None:
    """Run this Python's pip; what it says is shown only if it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if ran.returncode:
        sys.exit(f"wheelhouse: {' '.join(command)} failed:\n{ran.stdout[-1500:]}")


def requirement(wheel: Path) -> str:
    """One line of requirements.txt."""
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def bundle(draft: Path) -> None:
    """The folder as one file, the same bytes whenever it is made of the same wheels."""
    files = sorted(draft.iterdir())
    with tarfile.open(draft / "bundle.tar", "w") as tar:
        for file in files:
            about = tarfile.TarInfo(file.name)
            about.size, about.mode = file.stat().st_size, 0o644
            with file.open("rb") as data:
                tar.addfile(about, data)


if __name__ == "__main__":
    main()
