"""Somebody on the network who announces hundreds of cameras, ghosts that tell nothing more, and rubbish, until killed.

python flood.py ADDRESS   # this machine's
"""

import itertools
import os
import socket
import struct
import sys
import time

IN, SECONDS, RESPONSE = 1, 4500, 0x8400
PTR, SRV, TXT, A = 12, 33, 16, 1


def name(*labels: bytes) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in labels) + bytes(1)


def record(whose: bytes, kind: int, data: bytes) -> bytes:
    return whose + struct.pack(">HHIH", kind, IN, SECONDS, len(data)) + data


def main(address: str) -> None:
    domain = b"_lenswire", b"_tcp", b"local"
    host = name(b"evil", b"local")
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        sock.setsockopt(socket.SOL_SOCKET, option, 1)
    sock.bind((address, 5353))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    for number in itertools.count():
        # U+009B begins a command to the terminal.
        camera, ghost = name(b"\xc2\x9b31m%d" % (number % 200), *domain), name(b"ghost%d" % number, *domain)
        records = [
            record(name(*domain), PTR, ghost),
            record(name(*domain), PTR, camera),
            record(camera, SRV, struct.pack(">HHH", 0, 0, 1 + number % 200) + host),
            record(camera, TXT, os.urandom(40)),
            record(host, A, socket.inet_aton(address)),
        ]
        message = struct.pack(">HHHHHH", 0, RESPONSE, 0, len(records), 0, 0) + b"".join(records)
        for packet in (message, os.urandom(number % 1400)):
            sock.sendto(packet, ("224.0.0.251", 5353))
        time.sleep(0.005)


if __name__ == "__main__":
    main(sys.argv[1])
