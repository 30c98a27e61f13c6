"""The bytes of /stream.mjpg: one head, then a part for each picture, the same for all who watch the same rendition."""

from __future__ import annotations

import time

from lenswire.device.rendition import Published

BOUNDARY = "frame"
HEAD = (
    "HTTP/1.1 200 OK\r\n"
    f"Content-Type: multipart/x-mixed-replace;boundary={BOUNDARY}\r\n"
    "Cache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "{more}"
    "Connection: close\r\n"
    "\r\n"
    f"--{BOUNDARY}\r\n"
)
# A boundary follows each picture at once: some browsers show a picture only when they have seen where it ends.
TAIL = f"\r\n--{BOUNDARY}\r\n".encode()
FRESH = 5_000_000  # ns: the age in a part that was made for somebody else is off by so much at most


class Parts:
    """Pictures as parts, each made once for all to whom it goes at the same moment. Times: CLOCK_MONOTONIC, ns."""

    def __init__(self) -> None:
        self._published: Published | None = None
        self._made, self._part = 0, b""

    def part(self, published: Published, now: int) -> bytes:
        if published is not self._published or now - self._made > FRESH:
            jpeg = published.frame.jpeg
            head = "".join(f"{name}: {value}\r\n" for name, value in about(published, now).items())
            length = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n{head}\r\n"
            self._published, self._made, self._part = published, now, b"".join((length.encode(), jpeg, TAIL))
        return self._part


def about(published: Published, now: int) -> dict[str, str]:
    """When it was captured, by the device's wall clock and by the one that never jumps, and how old it is now; s."""
    frame = published.frame
    age = (now - frame.captured) / 1e9
    return {
        "X-Timestamp": f"{time.time() - age:.6f}",
        "X-Captured": f"{frame.captured / 1e9:.6f}",
        "X-Age": f"{age:.6f}",
        "X-Sequence": f"{frame.sequence}",
    }
