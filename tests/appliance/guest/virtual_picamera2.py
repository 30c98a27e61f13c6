"""In the virtual Pi: lets an unchanged picamera2 work with a camera that is not a Pi's own. Nothing loads before it.

1. Debian's arm64 kernel has /dev/udmabuf but no /dev/dma_heap, which picamera2's allocator opens: its dma-bufs, real
   ones, come from udmabuf instead.
2. start_encoder() reads the control FrameDurationLimits, which libcamera 0.4's USB cameras lack.
"""

import fcntl
import importlib.machinery
import os
import struct
import sys
import types

UDMABUF_CREATE = 0x40187542
CLOSE_ON_EXEC = 1


def dma_heap(module):
    """picamera2.dma_heap, with udmabuf below."""

    class DmaHeap:
        def __init__(self):
            self._device = os.open("/dev/udmabuf", os.O_RDWR | os.O_CLOEXEC)

        isValid = property(lambda self: self._device >= 0)  # noqa: N815 - picamera2's name

        def alloc(self, name, size):
            size = (size + 4095) & ~4095
            memory = os.memfd_create(name, os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
            try:
                os.ftruncate(memory, size)
                fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
                wish = bytearray(struct.pack("IIQQ", memory, CLOSE_ON_EXEC, 0, size))
                return module.UniqueFD(fcntl.ioctl(self._device, UDMABUF_CREATE, wish, True))
            finally:
                os.close(memory)

        def close(self):
            os.close(self._device)

    module.DmaHeap = DmaHeap


def frame_duration(module):
    """picamera2.picamera2, whose cameras all have a frame duration."""
    start = module.Picamera2.start_encoder
    limits = types.SimpleNamespace(min=33333, max=1000000, default=33333)

    def start_encoder(self, *args, **kwargs):
        self.camera_ctrl_info.setdefault("FrameDurationLimits", (None, limits))
        return start(self, *args, **kwargs)

    module.Picamera2.start_encoder = start_encoder


CHANGES = {"picamera2.dma_heap": dma_heap, "picamera2.picamera2": frame_duration}


class Finder:
    """Changes these modules as they are loaded. (importlib.abc would cost every program half a second here.)"""

    def find_spec(self, name, path, target=None):
        if name not in CHANGES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            CHANGES[name](module)

        spec.loader.exec_module = exec_module
        return spec


if not os.path.isdir("/dev/dma_heap") and os.path.exists("/dev/udmabuf"):
    sys.meta_path.insert(0, Finder())
