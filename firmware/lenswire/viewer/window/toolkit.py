"""pygame, set up as the window needs it; nothing else loads it."""

from __future__ import annotations

import os

from lenswire.errors import MissingDependency

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
# Where the display can take pixels as they are (X11, Windows), going through a texture only costs: without a graphics
# card 5.8 ms a picture at 720p, on two cores, against 0.5 ms.
os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
try:
    import pygame
except ImportError:
    raise MissingDependency("the window needs pygame-ce: pip install 'lenswire[viewer]'") from None

__all__ = ["pygame"]
