"""What may happen to a link; `transitions.py` says what follows. Pure."""

import msgspec

from mqtt_app.domain.link.failures import LinkFailure


class Start(msgspec.Struct, frozen=True):
    """Connect for the first time."""


class Paced(msgspec.Struct, frozen=True):
    """So many are to be dialled that the turn of this link is only at `at` (the caller's clock)."""

    at: float


class Dialed(msgspec.Struct, frozen=True):
    """TCP, and TLS if wanted, are up."""


class DialFailed(msgspec.Struct, frozen=True):
    failure: LinkFailure


class Accepted(msgspec.Struct, frozen=True):
    """CONNACK with success. `to_subscribe`: filters have to be sent first. `session_lost`: the
    broker has our session no more, which it had before.
    """

    to_subscribe: bool
    session_lost: bool = False


class Refused(msgspec.Struct, frozen=True):
    failure: LinkFailure


class Answered(msgspec.Struct, frozen=True):
    """A SUBACK is in, and more of them are to come."""


class Granted(msgspec.Struct, frozen=True):
    """Every SUBACK is in."""


class Lost(msgspec.Struct, frozen=True):
    failure: LinkFailure


class Tick(msgspec.Struct, frozen=True):
    """The deadline of the state has passed."""


class Drain(msgspec.Struct, frozen=True):
    """Hand the link over: read no more, acknowledge what is committed, DISCONNECT."""


class Drained(msgspec.Struct, frozen=True):
    """Nothing is left to be acknowledged."""


class Abandon(msgspec.Struct, frozen=True):
    """Another instance owns it: close without a DISCONNECT."""


Event = (
    Start
    | Paced
    | Dialed
    | DialFailed
    | Accepted
    | Refused
    | Answered
    | Granted
    | Lost
    | Tick
    | Drain
    | Drained
    | Abandon
)
