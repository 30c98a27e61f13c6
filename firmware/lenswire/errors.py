"""Every error that lenswire raises, on one screen.

LenswireError
├── ConfigError (ValueError)        a setting is wrong: names the key, what it got, what was expected
├── LinkError (ValueError)          a target or lenswire:// link cannot be read, or a name is not known
├── CameraError (OSError)           a camera cannot be opened, or it stopped giving frames
│   ├── NoCamera                    there is none
│   └── StandInEnds                 there may be a camera now, in the place of what was shown
├── PanelError (OSError)            a button's or LED's line cannot be had: wrong, busy, or not for this user
├── IdentityError (OSError)         the device's certificate or key cannot be read or made
├── ServeError (OSError)            the service cannot listen
├── ProtocolError (ValueError)      the peer broke the rules of the wire
│   └── LocalProtocolError          we did: a bug on this side
├── ConnectError (ConnectionError)  no connection, or it ended
│   └── Refused                     the peer said no, in words: `code` tells which no
├── NoPicture (TimeoutError)        connected, but no picture came in time
└── MissingDependency (ImportError) an optional package is not installed: says how to get it

A message is one plain sentence: what was wrong, where, and what was expected.
"""


class LenswireError(Exception):
    """The root: `except LenswireError` catches whatever lenswire raises on purpose."""


class ConfigError(LenswireError, ValueError): ...


class LinkError(LenswireError, ValueError): ...


class CameraError(LenswireError, OSError): ...


class NoCamera(CameraError): ...


class StandInEnds(CameraError): ...


class PanelError(LenswireError, OSError): ...


class IdentityError(LenswireError, OSError): ...


class ServeError(LenswireError, OSError): ...


class ProtocolError(LenswireError, ValueError): ...


class LocalProtocolError(ProtocolError): ...


class ConnectError(LenswireError, ConnectionError): ...


class Refused(ConnectError):
    """The peer closed with a reason; `code` is a `wire.CloseCode`, as a number."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code


class NoPicture(LenswireError, TimeoutError): ...


class MissingDependency(LenswireError, ImportError): ...
