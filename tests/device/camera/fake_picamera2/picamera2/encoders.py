from typing import Any


class MJPEGEncoder:
    """The test says what it makes: `made`."""

    running = False

    def __init__(self, bitrate: int) -> None:
        self.bitrate, self.firsttimestamp = bitrate, 0
        self.output: Any = None

    def made(self, jpeg: bytes, timestamp: int) -> None:
        self.output.outputframe(jpeg, True, timestamp, None, False)

    def stop(self) -> None:
        self.running = False
