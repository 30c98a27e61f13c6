"""The commands `start`, `stop`, `toggle` and `status`: they look at a device without watching it."""

from __future__ import annotations

import json
from dataclasses import asdict

from lenswire.client import Camera
from lenswire.errors import ConnectError
from lenswire.link import Target
from lenswire.messages import Status, Verb


def run(target: Target, verb: Verb | None, as_json: bool) -> int:
    """Give the command, or tell the status (verb None), and print what the device says. Raises LenswireError."""
    if target.legacy:
        raise ConnectError(f"{target.label} speaks the article's dialect, which has no status and no commands")
    with Camera(target, None) as camera:
        if verb is None:
            status = camera.wait_for_status()
            told = {"device": camera.device_name, **asdict(status)}
            print(json.dumps(told) if as_json else words(camera.device_name, status))
        else:
            answer = camera.command(verb)
            print(json.dumps({"device": camera.device_name, "ok": True, "text": answer}) if as_json else answer)
    return 0


def words(name: str, status: Status) -> str:
    """The status for a person."""
    because = f" ({status.reason})" if status.reason else ""
    lines = [
        f"{name}: {status.state}{because}",
        f"camera: {status.camera or 'none'}, {status.width}x{status.height}, {status.fps:.1f} fps, "
        f"{status.captured} captured, {status.dropped} dropped",
        f"encoder: {status.encoder or 'none'}" + (f" ({status.encoder_reason})" if status.encoder_reason else ""),
        f"viewers: {status.viewers} in {len(status.renditions)} renditions",
        f"lenswire {status.version}, running for {status.uptime:.0f} s",
    ]
    return "\n".join(lines)
