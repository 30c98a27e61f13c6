"""Which renditions there are, who watches them, and the newest frame of each. Event loop only."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable
from typing import Any

from lenswire.device.rendition import Plan, Rendition, Source, Waiter

log = logging.getLogger(__name__)

# A frame is still worth sending to somebody who just became ready while it is younger than this many frame periods:
# the next one is due by then.
FRESH = 1.5


class Hub:
    """Viewers watch plans; equal plans share one rendition, which lives as long as somebody watches it.

    changed(renditions) tells the pipeline what there is to make; watched(bool) tells control when the first viewer
    comes and the last one goes.
    """

    def __init__(
        self,
        quality: int,
        changed: Callable[[tuple[Rendition, ...]], None],
        watched: Callable[[bool], None],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._quality, self._changed, self._watched, self._clock = quality, changed, watched, clock
        self._source: Source | None = None
        self._numbers = itertools.count(1)
        self._plans: dict[Waiter, Plan] = {}
        self._watching: dict[Waiter, Rendition] = {}
        self._renditions: dict[Plan, Rendition] = {}

    # Viewers

    @property
    def viewers(self) -> int:
        return len(self._plans)

    def watch(self, viewer: Waiter, plan: Plan) -> None:
        """Begin to watch, or watch something else from now on."""
        first = not self._plans
        self._plans[viewer] = plan
        self._assign(viewer)
        self._tell()
        if first:
            self._watched(True)

    def leave(self, viewer: Waiter) -> None:
        """The viewer has gone. A second call is no error."""
        if self._plans.pop(viewer, None) is None:
            return
        self._detach(viewer)
        self._tell()
        if not self._plans:
            self._watched(False)

    def wait(self, viewer: Waiter, after: int) -> None:
        """Offer the viewer all frames, from the first that is newer than the one captured at `after` (ns) on, until it
        says no: that one now, if it is there."""
        rendition = self._watching[viewer]
        newest = rendition.newest
        rendition.waiting[viewer] = None
        if newest and newest.captured > after and self._clock() - newest.captured < self._fresh(rendition):
            rendition.give(newest, (viewer,))

    def spread(self) -> None:
        """Give the newest frame of every rendition to all who wait for it."""
        for rendition in list(self._renditions.values()):
            rendition.spread()

    def described(self) -> tuple[dict[str, Any], ...]:
        """Every rendition in the words of `messages.Status`."""
        return tuple(
            {
                "id": rendition.number,
                "width": rendition.plan.width,
                "height": rendition.plan.height,
                "fps": rendition.plan.fps or (self._source.fps if self._source else 0.0),
                "quality": rendition.plan.quality or self._quality,
                "viewers": rendition.viewers,
                "made": rendition.made,
            }
            for rendition in self._renditions.values()
        )

    # Camera

    def found(self, source: Source, quality: int | None = None) -> None:
        """The camera was opened, perhaps with another size or quality: what everybody watches is worked out anew."""
        quality = quality or self._quality
        if (source, quality) == (self._source, self._quality):
            return
        self._source, self._quality = source, quality
        for viewer in self._plans:
            self._assign(viewer)
        self._tell()

    # Inside

    def _assign(self, viewer: Waiter) -> None:
        plan = self._plans[viewer]
        if self._source:
            plan = plan.fit(self._source, self._quality)
        now = self._renditions.get(plan)
        before = self._watching.get(viewer)
        if now is not None and now is before:
            return
        if now is None:
            now = self._renditions[plan] = Rendition(next(self._numbers), plan)
            log.info("= rendition %d: %s", now.number, plan)
        waiting = before is not None and viewer in before.waiting
        self._detach(viewer)
        self._watching[viewer] = now
        now.viewers += 1
        if waiting:
            now.waiting[viewer] = None

    def _detach(self, viewer: Waiter) -> None:
        rendition = self._watching.pop(viewer, None)
        if rendition is None:
            return
        rendition.waiting.pop(viewer, None)
        rendition.viewers -= 1
        if not rendition.viewers:
            del self._renditions[rendition.plan]

    def _tell(self) -> None:
        self._changed(tuple(self._renditions.values()))

    def _fresh(self, rendition: Rendition) -> float:
        fps = rendition.plan.fps or (self._source.fps if self._source else 0.0)
        return FRESH * 1e9 / fps if fps else 0.0
