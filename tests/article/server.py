"""The article's server, written from its text, flaws and all: python server.py PORT LHH SOURCE

LHH is the native "lhh" of the machine that it would run on: "<lhh" is Windows, "<qhh" is 64-bit Linux, where the
article's recv(8) can never have worked. SOURCE stands for its camera 0.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time

import cv2


class CameraServer:
    def __init__(self, port: int, lhh: str, source: str) -> None:
        self.lhh, self.source = lhh, source
        self.resolution, self.img_fps = (640, 480), 15
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("", port))
        self.socket.listen(5)

    def recv_config(self, client: socket.socket) -> bool:
        info = struct.unpack(self.lhh, client.recv(struct.calcsize(self.lhh)))
        if info[0] <= 888:
            return False
        self.img_fps = info[0] - 888
        self.resolution = info[1], info[2]
        return True

    def serve(self, client: socket.socket) -> None:
        if not self.recv_config(client):
            return
        camera = cv2.VideoCapture(self.source)
        while True:
            time.sleep(0.1)
            _, img = camera.read()
            img = cv2.resize(img, self.resolution)
            _, code = cv2.imencode(".jpg", img, [cv2.IMWRITE_JPEG_QUALITY, self.img_fps])
            data = code.tobytes()
            try:
                client.send(struct.pack(self.lhh, len(data), self.resolution[0], self.resolution[1]) + data)
            except OSError:
                camera.release()
                return

    def run(self) -> None:
        while True:
            client, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()
            del client


if __name__ == "__main__":
    CameraServer(int(sys.argv[1]), sys.argv[2], sys.argv[3]).run()
