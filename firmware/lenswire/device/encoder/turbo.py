"""JPEG by libjpeg-turbo, on the processor."""

from __future__ import annotations

import simplejpeg

from lenswire.device.camera import Picture


def encode(picture: Picture, quality: int) -> bytes:
    """JPEG at quality 1-100: planes as they are, BGR at 4:2:0. Any stride will do, as long as a row is in one piece."""
    first, *chroma = picture.planes
    jpeg: bytes
    if first.ndim == 3:
        jpeg = simplejpeg.encode_jpeg(first, quality, "BGR", "420")
    else:
        u, v = chroma or (None, None)
        jpeg = simplejpeg.encode_jpeg_yuv_planes(first, u, v, quality)
    return jpeg
