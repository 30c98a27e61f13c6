"""Two Connections and the link between them, with everything that went over it kept for whoever listens."""

from __future__ import annotations

from typing import Any, TypeVar

from lenswire.ends import DeviceConnection, ViewerConnection
from lenswire.errors import ProtocolError
from lenswire.messages import Message
from lenswire.protocol import Connection, State

KEY, FINGERPRINT = bytes(range(32)), bytes(range(32, 64))
SECRET = {"key": KEY, "fingerprint": FINGERPRINT}
NOW = 1_000
End = TypeVar("End", bound=Connection)
ENDS: tuple[type[Connection], ...] = (DeviceConnection, ViewerConnection)
# Ends in the states in which something may come in.
OPEN_FOR_SOMETHING = [(end, state) for end in ENDS for state in end.expected]


def device(nonce: bytes = b"d" * 32, **options: Any) -> DeviceConnection:
    return DeviceConnection("porch", nonce, **options)


def viewer(nonce: bytes = b"v" * 32, **options: Any) -> ViewerConnection:
    return ViewerConnection("laptop", nonce, **options)


class Link:
    """device and viewer, joined. to_device and to_viewer: every byte so far; errors: what receive_data raised."""

    def __init__(self, device: DeviceConnection, viewer: ViewerConnection) -> None:
        self.device, self.viewer = device, viewer
        self.to_device, self.to_viewer = bytearray(), bytearray()
        self.errors: list[ProtocolError] = []

    def run(self, now: int = NOW) -> None:
        """Carry bytes to and fro until nobody has anything more to say."""
        while self._carry(self.viewer, self.device, self.to_device, now) or self._carry(
            self.device, self.viewer, self.to_viewer, now
        ):
            pass

    def say(self, who: Connection, *messages: Message) -> list[Message]:
        """Let one side say something; what the other side makes of it."""
        for message in messages:
            who.send(message)
        self.run()
        return (self.viewer if who is self.device else self.device).events()

    def _carry(self, source: Connection, target: Connection, record: bytearray, now: int) -> bool:
        data = source.data_to_send()
        record += data
        try:
            target.receive_data(data, now)
        except ProtocolError as error:
            self.errors.append(error)
        return bool(data)


def opened(**options: Any) -> Link:
    """A link past its WELCOME, with no event left. options: SECRET, key_needed, ... of both sides."""
    link = Link(device(**options), viewer(**{name: value for name, value in options.items() if name != "key_needed"}))
    link.run()
    link.device.events(), link.viewer.events()
    return link


def at(end: type[End], state: State) -> End:
    """This end of a connection that has come as far as `state`."""
    if state is State.OPEN:
        link = opened()
        return link.device if end is DeviceConnection else link.viewer
    link = Link(device(**SECRET, key_needed=True), viewer(**SECRET))
    ours, theirs = (link.device, link.viewer) if end is DeviceConnection else (link.viewer, link.device)
    if state is State.PROVING:
        if end is ViewerConnection:
            theirs.receive_data(ours.data_to_send(), NOW)
        ours.receive_data(theirs.data_to_send(), NOW)
    elif state is State.CLOSED:
        ours.close()
    assert ours.state is state
    ours.data_to_send(), ours.events()
    return ours
