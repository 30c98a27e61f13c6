"""lenswire beside its peers on one machine: `make bench` (about 5 minutes), or tests/bench/run.sh --long (about 25).

Everybody gets the same stand-in camera and the same viewers, in rounds one after another, so that what else the machine
does hits all alike: read the ratios, not the figures. All is on loopback, where the cost of receiving is partly the
sender's.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from figures import Figures
from parts import fan_out, slow, stalled, work
from screen import VIEWERS, camera_to_screen
from servers import BARE, GSTREAMER, OURS, OURS_TLS, USTREAMER, Case

from lenswire.messages import Watch

PARTS = "fanout", "work", "slow", "stalled", "screen"
PEERS = OURS, BARE, OURS_TLS, USTREAMER, GSTREAMER
Step = tuple[str, Callable[[Figures], None]]  # what to say, what to do


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="more rounds, more viewers, longer looks")
    parser.add_argument("--only", choices=PARTS, action="append", help="may be given several times")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not without ending the servers
    figures = Figures()
    began = time.monotonic()
    for part in options.only or PARTS:
        for label, step in STEPS[part](options.long):
            load, minutes = os.getloadavg()[0], (time.monotonic() - began) / 60
            print(f"{minutes:4.1f} min, load {load:.1f}: {label}", flush=True)
            try:
                step(figures)
            except (OSError, TimeoutError) as error:
                print(f"  failed: {error}", flush=True)
    print(f"\nMedians, {os.cpu_count()} cores.\n\n{figures.table()}")


def fan_outs(long: bool) -> Iterator[Step]:
    counts, rounds, seconds = ((1, 10, 50), 3, 5) if long else ((1, 50), 2, 3)
    vga = Case("MJPEG", 640, 480), 100
    cells = [(Case(form), count) for form in ("MJPEG", "YUYV") for count in counts] + [vga]
    for number in range(rounds):
        for case, count in cells:
            for peer in PEERS if long or not number else (OURS, BARE):
                yield f"{case.format}, {count}: {peer.name}", partial(fan_out, peer, case, count, seconds)


def works(long: bool) -> Iterator[Step]:
    sizes = [Watch((1280, 640, 320)[number % 3]) for number in range(10)]
    yield "100 viewers, one encode a frame", partial(work, Case("YUYV", 640, 480), [Watch()] * 100, 5)
    yield "10 viewers in three sizes", partial(work, Case("YUYV"), sizes, 5)


def slows(long: bool) -> Iterator[Step]:
    for peer in PEERS if long else (OURS, BARE):
        yield f"one slow viewer: {peer.name}", partial(slow, peer, 60 if long else 20)


def stalls(long: bool) -> Iterator[Step]:
    for peer in (OURS, BARE, OURS_TLS) if long else (OURS, BARE):
        yield f"100 stalled viewers: {peer.name}", partial(stalled, peer, 100, 3)


def screens(long: bool) -> Iterator[Step]:
    names = list(VIEWERS) if long else list(VIEWERS)[:2]
    for _ in range(3 if long else 1):
        for name in names:
            yield f"camera to screen: {name}", partial(camera_to_screen, name, 6)


STEPS = {"fanout": fan_outs, "work": works, "slow": slows, "stalled": stalls, "screen": screens}


if __name__ == "__main__":
    main()
