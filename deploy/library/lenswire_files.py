"""Many small files in one round trip, each put in place all at once, also when the power goes.

The result's `before` is what was there, in the same form: give it back as `files`, and all is as it was.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: lenswire_files
short_description: Many small files in one round trip
options:
  files:
    description: What shall be where. Without content the path shall not be there, a folder with all that is in it.
    type: list
    elements: dict
    required: true
"""

FILE = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str"},
    "mode": {"type": "str", "default": "0644"},
    "validate": {"type": "list", "elements": "str"},  # a command; the draft's path is added to it
    "when": {"type": "bool", "default": True},  # false: left alone
}


class Invalid(Exception):
    """The validating command said no."""


def look(path: Path) -> dict[str, Any]:
    """What is there now."""
    if path.is_symlink() or not path.is_file():
        return {"path": str(path), "content": None}
    mode = f"{path.stat().st_mode & 0o7777:04o}"
    return {"path": str(path), "content": path.read_text("utf-8", errors="replace"), "mode": mode}


def differs(wanted: dict[str, Any], path: Path, was: dict[str, Any]) -> bool:
    """Whether something is to be done."""
    if wanted["content"] is None:
        return os.path.lexists(path)
    return bool(was["content"] != wanted["content"] or int(was["mode"], 8) != int(wanted["mode"], 8))


def write(path: Path, wanted: dict[str, Any], module: AnsibleModule) -> None:
    """Write beside it, ask the validating command, take its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(wanted["content"])
            file.flush()
            os.fchmod(file.fileno(), int(wanted["mode"], 8))
            os.fsync(file.fileno())
        if wanted["validate"]:
            status, out, err = module.run_command([*wanted["validate"], draft])
            if status:
                raise Invalid((err or out).strip().replace(draft, str(path)))
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)


def remove(path: Path) -> None:
    """A file, a link, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def main() -> None:
    spec = {"files": {"type": "list", "elements": "dict", "required": True, "options": FILE}}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    before: list[dict[str, Any]] = []
    diff: list[dict[str, str]] = []
    for wanted in module.params["files"]:
        path = Path(wanted["path"])
        was = look(path)
        if not wanted["when"] or not differs(wanted, path, was):
            continue
        try:
            if not module.check_mode:
                remove(path) if wanted["content"] is None else write(path, wanted, module)
        except (OSError, Invalid) as error:
            module.fail_json(msg=f"{path}: {error}", before=before)
        before.append(was)
        diff.append({"before": was["content"] or "", "after": wanted["content"] or "", "before_header": str(path)})
        diff[-1]["after_header"] = str(path)
    module.exit_json(changed=bool(before), before=before, diff=diff)


if __name__ == "__main__":
    main()
