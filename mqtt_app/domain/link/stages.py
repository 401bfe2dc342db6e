"""The stages of a connect, and what it means when one of them takes long."""

from enum import StrEnum

import msgspec

SLOW_AFTER = 5.0  # s in one stage from which on it is named


class Stage(StrEnum):
    """ "" is none: the link is up, or waits for its next attempt."""

    NONE = ""
    LOOK_UP = "look-up"
    TCP = "tcp"
    TLS = "tls"
    CONNECT = "connect"
    SUBSCRIBE = "subscribe"


class StageTime(msgspec.Struct, frozen=True):
    """`since`: unix seconds, None when no stage is under way."""

    stage: Stage = Stage.NONE
    since: float | None = None


_WAITS = {
    Stage.LOOK_UP: (
        "for an answer of the DNS",
        "are the host and the name server of this machine right?",
    ),
    Stage.TCP: (
        "for the broker to answer at its port",
        "is it switched on, and does a firewall drop our packets?",
    ),
    Stage.TLS: (
        "for the broker's TLS handshake",
        "the port answers but speaks no TLS?",
    ),
    Stage.CONNECT: (
        "for the broker's CONNACK",
        "the port answers but speaks no MQTT?",
    ),
    Stage.SUBSCRIBE: (
        "for the broker's answer to our subscriptions",
        "the broker accepted us but is busy, or hangs?",
    ),
}


def slow(stage: str, seconds: float) -> str:
    """What a link waits for since `seconds`, "" when that is not long."""
    if seconds < SLOW_AFTER or stage not in _WAITS:
        return ""
    what, question = _WAITS[Stage(stage)]
    return f"waits {what} since {seconds:.0f} s: {question}"
