"""Runs the state table: events in; facts out to the pipeline, the viewers and the panel. Event loop only."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lenswire.device.state import TABLE, Event, State, step

log = logging.getLogger(__name__)

_WORDS = {
    State.READY: "nobody is watching",
    State.STREAMING: "",
    State.STOPPED: "stopped",
    State.FAULT: "the camera is lost",
}


class Control:
    """The one place where the state changes.

    want(camera, encode) tells the pipeline, and may be told the same again; retry() makes it try the camera at once;
    changed() is called after every change, also when only the reason is new.
    """

    def __init__(
        self,
        want: Callable[[bool, bool], None],
        retry: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        self.state = State.READY
        self.reason = _WORDS[State.READY]
        self._want, self._retry, self._changed = want, retry, changed
        self._watched = False

    def begin(self, state: State = State.READY) -> None:
        """Take up the state that the device starts in."""
        self._enter(state, _WORDS[state])

    def post(self, event: Event, reason: str = "") -> State:
        """Something happened. Returns the state that it led to; `reason` is for people: who, or why."""
        if event in (Event.WATCHED, Event.UNWATCHED):
            self._watched = event is Event.WATCHED
        before = self.state
        after = step(before, event)
        if after is not before:
            self._enter(after, reason or _WORDS[after])
        elif event is Event.LOST and before is State.FAULT:
            self._explain(reason)
        elif event is Event.START and before is State.FAULT:
            self._retry()
        if self.state is State.READY and self._watched:
            self.post(Event.WATCHED)
        return self.state

    def _enter(self, state: State, reason: str) -> None:
        log.info("= %s -> %s%s", self.state.name, state.name, f" ({reason})" if reason else "")
        self.state, self.reason = state, reason
        row = TABLE[state]
        self._want(row.camera, row.encode)
        self._changed()

    def _explain(self, reason: str) -> None:
        if reason != self.reason:
            self.reason = reason
            log.info("= still %s (%s)", self.state.name, reason)
            self._changed()
