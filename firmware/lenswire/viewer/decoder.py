"""JPEGs -> pixels, no more of them than a window needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import simplejpeg

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

Size: TypeAlias = tuple[int, int]  # width, height

# What SDL's surfaces of 32 bits have in memory on every machine that matters: decoded pixels need no conversion.
PIXELS = "BGRX"

# A JPEG of a few bytes can claim 65535 x 65535 pixels and have the decoder take 20 GB. The largest camera known to a
# Pi has 64 million.
MAX_PIXELS = 80_000_000

# Scaled decoding pays from one half down (720p: 1.9 ms at 1/2, 1.6 at 1/4). In between, libjpeg-turbo has no SIMD:
# 3/4 takes 4.6 ms, while all of it and shrinking the pixels afterwards take 1.7 + 1.3.
# Its fast DCT gains nothing here, its fast upsampling 0.2 ms of 3.1 until the picture is on the screen, but colours
# at edges are off by up to 64 of 255: not worth it.
SMALLEST_FACTOR = 2

# Cameras are known to put stray bytes before the last marker of every single picture; nothing of it is missing.
HARMLESS = "extraneous bytes before marker"


def decoded_size(jpeg: ReadableBuffer, needed: Size) -> Size | None:
    """The size that decode() will give: the picture's, or its half, quarter, eighth, but not below `needed`.

    None if the picture is damaged.
    """
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(jpeg)
        if int(width) * int(height) > MAX_PIXELS:
            return None
        height, width, *_ = simplejpeg.decode_jpeg_header(jpeg, needed[1], needed[0], SMALLEST_FACTOR)
    except ValueError:
        return None
    return int(width), int(height)


def decode(jpeg: ReadableBuffer, needed: Size, into: WriteableBuffer) -> bool:
    """Write the pixels, without gaps between rows, into a buffer for decoded_size(jpeg, needed).

    False if the picture is damaged: what is in the buffer then is not to be shown.
    """
    try:
        simplejpeg.decode_jpeg(
            jpeg, PIXELS, min_height=needed[1], min_width=needed[0], min_factor=SMALLEST_FACTOR, buffer=into
        )
    except ValueError as error:
        return HARMLESS in str(error)
    return True
