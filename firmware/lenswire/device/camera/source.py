"""Which camera a source means, in the words of the config and of --source."""

from __future__ import annotations

EXPECTED = 'expected "auto", "pattern", "file:PATH", "usb" or "usb:WHICH"'
