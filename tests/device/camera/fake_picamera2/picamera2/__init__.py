"""As much of picamera2 0.3.38 as `camera.csi` uses, without a camera: the test completes the requests.

What it does is read off picamera2's source; the real one is driven on the virtual Pi.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np


class Request:
    """A completed request; counts who holds it."""

    def __init__(self, buffer: np.ndarray, timestamp: int) -> None:
        self.buffer, self.timestamp, self.holders = buffer, timestamp, 1

    def acquire(self) -> None:
        assert self.holders > 0
        self.holders += 1

    def release(self) -> None:
        assert self.holders > 0
        self.holders -= 1

    def get_metadata(self) -> dict[str, int]:
        return {"SensorTimestamp": self.timestamp}


class MappedArray:
    def __init__(self, request: Request, stream: str, reshape: bool = True, write: bool = True) -> None:
        assert request.holders > 0, "a buffer that was given back is read"
        self.array = request.buffer

    def __enter__(self) -> MappedArray:
        return self

    def __exit__(self, *error: object) -> None: ...


class Picamera2:
    cameras: ClassVar[list[dict[str, Any]]] = [{"Model": "imx708"}]
    busy: ClassVar[bool] = False
    format: ClassVar[str] = "YUV420"
    padding: ClassVar[int] = 0
    no_encoder: ClassVar[OSError | None] = None  # what start_encoder() meets
    newest: ClassVar[Picamera2]

    def __init__(self, number: int) -> None:
        if Picamera2.busy:
            raise RuntimeError("Camera __init__ sequence did not complete.") from RuntimeError(
                "Failed to acquire camera"
            )
        Picamera2.newest = self
        self.camera_properties = {"Model": "imx708"}
        self.camera_controls = {"FrameDurationLimits": None, "AfMode": None}
        self.post_callback: Any = None
        self.started = self.closed = False
        self.encoder: Any = None
        self.last_made: bytes = b""  # what the encoder still brings while it is stopped
        self.config: dict[str, Any] = {}

    @staticmethod
    def global_camera_info() -> list[dict[str, Any]]:
        return Picamera2.cameras

    def create_video_configuration(self, main: dict[str, Any], **settings: Any) -> dict[str, Any]:
        return {"main": {**main, "format": Picamera2.format}, **settings}

    def align_configuration(self, config: dict[str, Any], optimal: bool = True) -> None: ...

    def configure(self, config: dict[str, Any]) -> None:
        config["main"]["stride"] = config["main"]["size"][0] + Picamera2.padding
        self.config = config

    def camera_configuration(self) -> dict[str, Any]:
        return self.config

    def start(self) -> None:
        self.started = True

    def stop(self) -> None:
        self.started = False

    def close(self) -> None:
        self.closed = True

    def start_encoder(self, encoder: Any, output: Any, name: str) -> None:
        encoder.output, encoder.running = output, True
        if Picamera2.no_encoder:
            raise Picamera2.no_encoder
        self.encoder = encoder

    def stop_encoder(self, encoder: Any) -> None:
        assert encoder is self.encoder
        if self.last_made:
            encoder.made(self.last_made, encoder.firsttimestamp)
        encoder.stop()
        self.encoder = None

    # For the test

    def complete(self, timestamp: int) -> Request:
        """A frame of grey 50, 60, 70 in y, u and v."""
        height = self.config["main"]["size"][1]
        stride = self.config["main"]["stride"]
        parts = (50, height * stride), (60, height // 2 * stride // 2), (70, height // 2 * stride // 2)
        buffer = np.concatenate([np.full(size, value, np.uint8) for value, size in parts])
        request = Request(buffer, timestamp)
        self.post_callback(request)
        request.release()
        return request
