"""lenswire: a Raspberry Pi and any camera become an appliance. Power it on and it streams.

The Python API is `lenswire.connect`; see `lenswire.client`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lenswire.client import Camera, Frame, connect

__version__ = "0.1.0"
__all__ = ["Camera", "Frame", "__version__", "connect"]


def __getattr__(name: str) -> Any:
    # A device imports this package too, and must not load the viewer's side with it.
    if name in ("Camera", "Frame", "connect"):
        from lenswire import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
