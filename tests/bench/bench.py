"""lenswire beside its peers on one machine: `make bench` (about 30 minutes), or with ARGS=--long (about 90).

A whole run is written to tests/bench/RESULTS.md; parts of one (--only) are printed only.

Everybody gets the same stand-in camera and the same viewers, in rounds one after another, so that what else the machine
does hits all alike: read the ratios, not the figures. All is on loopback, where the cost of receiving is partly the
sender's.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from figures import Figures
from moments import encoders, first_picture, links, return_of_a_viewer, soak
from parts import fan_out, slow, stalled, work
from results import COUNTS, write
from screen import FULL_HD, HD, VIEWERS, camera_to_screen
from servers import BARE, FPS, GSTREAMER, OURS, OURS_TLS, QUALITY, USTREAMER, Case, Peer, awake

from lenswire.messages import Watch

PEERS = OURS, BARE, OURS_TLS, USTREAMER, GSTREAMER
WINDOW = 3.5  # seconds that many viewers are looked at
Step = tuple[str, Callable[[Figures], None]]  # what to say, what to do


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="more rounds, more viewers, longer looks")
    parser.add_argument("--only", choices=STEPS, action="append", help="may be given several times")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # not without ending the servers
    gc.disable()  # the viewers are all in this process: a pause of ours would look like the server's
    figures = Figures()
    began = time.monotonic()
    with awake():
        for part in options.only or (part for part in STEPS if part != "soak" or options.long):
            for label, step in STEPS[part](options.long):
                print(f"{(time.monotonic() - began) / 60:4.1f} min: {label}", flush=True)
                try:
                    step(figures)
                except (OSError, TimeoutError) as error:
                    print(f"  failed: {error}", flush=True)
    print(f"\nMedians, {os.cpu_count()} cores.\n\n{figures.table()}")
    if not options.only:
        write(figures, FPS, QUALITY)


def fan_outs(long: bool) -> Iterator[Step]:
    cells = [(Case(form), count) for form in ("MJPEG", "YUYV") for count in (1, 10, 50)]
    yield from _fan_outs(cells, PEERS, *((13, 5) if long else (9, 2)))


def curves(long: bool) -> Iterator[Step]:
    """What fan_outs left out, to see whether the cost goes straight up; and larger pictures."""
    cells = [(Case(form), count) for form in ("MJPEG", "YUYV") for count in COUNTS if count not in (1, 10, 50)]
    larger = [(Case(form, 1920, 1080), count) for form in ("MJPEG", "YUYV") for count in (1, 10)]
    yield from _fan_outs(cells + larger, (OURS, BARE, USTREAMER, GSTREAMER), *((7, 2) if long else (4, 1)))


def _fan_outs(cells: list[tuple[Case, int]], peers: tuple[Peer, ...], rounds: int, full: int) -> Iterator[Step]:
    """So many rounds, of them `full` with everybody. Of the hundred frames of a round the p99 is the worst but one:
    one hiccup of the machine. Its median takes more rounds to settle than the peers, far away, are worth."""
    for number in range(rounds):
        for case, count in cells:
            for peer in peers if number < full else (OURS, BARE):
                label = f"{case.format} {case.width}x{case.height}, {count}: {peer.name}"
                yield label, partial(fan_out, peer, case, count, WINDOW)


def link_speeds(long: bool) -> Iterator[Step]:
    for peer in PEERS:
        yield f"links of several speeds: {peer.name}", partial(links, peer, 60 if long else 20)


def encodings(long: bool) -> Iterator[Step]:
    for _ in range(5 if long else 2):
        for case in (Case("YUYV"), Case("YUV420"), Case("YUYV", 1920, 1080)):
            for peer in (OURS, BARE, USTREAMER, GSTREAMER):
                if case.format != "YUV420" or peer.planar is not None:
                    yield (
                        f"{case.format} {case.width}x{case.height} encoded: {peer.name}",
                        partial(encoders, peer, case, 4),
                    )


def starts(long: bool) -> Iterator[Step]:
    for _ in range(5 if long else 3):
        for case in (Case("MJPEG"), Case("YUYV")):
            for peer in PEERS:
                yield f"{case.format}, first picture: {peer.name}", partial(first_picture, peer, case)
    for peer in PEERS:
        yield f"a viewer returns: {peer.name}", partial(return_of_a_viewer, peer, 100 if long else 30)


def soaks(long: bool) -> Iterator[Step]:
    yield "30 minutes with 50 viewers", partial(soak, OURS, 50, 1800)


def works(long: bool) -> Iterator[Step]:
    sizes = [Watch((1280, 640, 320)[number % 3]) for number in range(10)]
    yield "100 viewers, one encode a frame", partial(work, Case("YUYV", 640, 480), [Watch()] * 100, 5)
    yield "10 viewers in three sizes", partial(work, Case("YUYV"), sizes, 5)


def slows(long: bool) -> Iterator[Step]:
    for peer in PEERS:
        yield f"one slow viewer: {peer.name}", partial(slow, peer, 60 if long else 20)


def stalls(long: bool) -> Iterator[Step]:
    for peer in (OURS, BARE, OURS_TLS) if long else (OURS, BARE):
        yield f"100 stalled viewers: {peer.name}", partial(stalled, peer, 100, 3)


def screens(long: bool) -> Iterator[Step]:
    for _ in range(5 if long else 2):
        for name in VIEWERS:
            yield f"camera to screen: {name}", partial(camera_to_screen, name, HD, 6)
        for name in (OURS.name, USTREAMER.name):
            yield f"camera to screen, 1080p60: {name}", partial(camera_to_screen, name, FULL_HD, 6)


STEPS = {
    "fanout": fan_outs,
    "curve": curves,
    "encode": encodings,
    "start": starts,
    "links": link_speeds,
    "slow": slows,
    "stalled": stalls,
    "work": works,
    "screen": screens,
    "soak": soaks,
}


if __name__ == "__main__":
    main()
