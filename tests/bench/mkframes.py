#!/usr/bin/env python3
"""Render the short clips that fakev4l2.so plays: 16 frames per size, as YUYV, YU12 and MJPEG.

    mkframes.py DIR [WIDTHxHEIGHT ...]

A 1/f texture (the spectrum of natural pictures) under a slow pan, sharp shapes and text, moving discs, sensor noise:
1280x720 at quality 80, 4:2:0, is about 90 kB. A file is a little-endian u32 count, then for each frame u32 size, bytes.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

SIZES = ("640x480", "1280x720", "1920x1080")
COUNT = 16
ALPHA, CONTRAST, NOISE = 1.65, 46.0, 1.2  # tuned for 90 kB at 720p


def render(width: int, height: int) -> Iterator[np.ndarray]:
    """The clip's frames, BGR."""
    rng = np.random.default_rng(7)
    base = scenery(width, height, rng)
    for frame in range(COUNT):
        image = np.roll(base, (2 * frame, width // COUNT * frame // 4), (0, 1)).astype(np.float32)
        for disc in range(4):
            angle = 2 * np.pi * (frame / COUNT + disc / 4)
            middle = int(width * (0.5 + 0.35 * np.cos(angle))), int(height * (0.55 + 0.3 * np.sin(angle)))
            cv2.circle(image, middle, height // 14, (40 * disc, 220 - 40 * disc, 128), -1, cv2.LINE_AA)
        image += rng.normal(0, NOISE, (height, width, 1))
        yield np.clip(image, 0, 255).astype(np.uint8)


def scenery(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    layers = np.stack([texture(height, width, rng) for _ in range(3)], -1)
    base = np.clip(118 + CONTRAST * (0.8 * layers[..., :1] + 0.25 * layers), 0, 255).astype(np.uint8)
    for number in range(14):
        x, y = int(rng.integers(0, width)), int(rng.integers(height // 8, height))
        colour = tuple(int(value) for value in rng.integers(20, 235, 3))
        cv2.rectangle(base, (x, y), (x + width // 14, y + height // 9), colour, -1)
        at = x + 4, y + height // 18
        cv2.putText(base, f"lens {number:02d}", at, 0, width / 1800, (255, 255, 255), 1, cv2.LINE_AA)
    return base


def texture(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    down, across = np.meshgrid(np.fft.fftfreq(height) * height, np.fft.rfftfreq(width) * width, indexing="ij")
    frequency = np.hypot(down, across)
    frequency[0, 0] = 1
    field = np.fft.irfft2(frequency**-ALPHA * np.exp(2j * np.pi * rng.random(frequency.shape)), (height, width))
    return (field - field.mean()) / field.std()


def yuyv(bgr: np.ndarray) -> bytes:
    """Limited range, as V4L2 has it by default."""
    ycc = cv2.cvtColor(bgr, cv2.COLOR_BGR2YCrCb).astype(np.float32)
    luma = 16 + ycc[..., 0] * 219 / 255
    chroma = 128 + (ycc[..., 2:0:-1] - 128) * 224 / 255  # Cb, Cr
    out = np.empty((*bgr.shape[:2], 2), np.uint8)
    out[..., 0] = luma + 0.5
    for place in (0, 1):
        out[:, place::2, 1] = (chroma[:, 0::2, place] + chroma[:, 1::2, place]) / 2 + 0.5
    return out.tobytes()


def yu12(bgr: np.ndarray) -> bytes:
    """The same picture, planar: the luma is the same, the chroma the mean of two rows."""
    packed = np.frombuffer(yuyv(bgr), np.uint8).reshape(*bgr.shape[:2], 2)
    rows = packed.astype(np.uint16)
    chroma = ((rows[::2] + rows[1::2] + 1) // 2).astype(np.uint8)
    return packed[..., 0].tobytes() + chroma[:, ::2, 1].tobytes() + chroma[:, 1::2, 1].tobytes()


def jpeg(bgr: np.ndarray) -> bytes:
    return simplejpeg.encode_jpeg(np.ascontiguousarray(bgr), 80, "BGR", "420")


def write(path: Path, frames: list[bytes]) -> None:
    path.write_bytes(struct.pack("<I", len(frames)) + b"".join(struct.pack("<I", len(each)) + each for each in frames))
    print(path, len(frames), "frames, mean", round(sum(map(len, frames)) / len(frames) / 1000, 1), "kB")


def main(folder: Path, sizes: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for size in sizes or SIZES:
        frames = list(render(*map(int, size.split("x"))))
        write(folder / f"{size}.yuyv", [yuyv(frame) for frame in frames])
        write(folder / f"{size}.yu12", [yu12(frame) for frame in frames])
        write(folder / f"{size}.mjpg", [jpeg(frame) for frame in frames])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
