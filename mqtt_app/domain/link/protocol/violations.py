"""A broker does what MQTT forbids."""

from enum import IntEnum


class Reason(IntEnum):
    """Reason Codes of a DISCONNECT that a client may send for what the server did; MQTT 5 section
    3.14.2.1.

    0x9A and 0x9B (retain, QoS not supported) are a server's only.
    """

    MALFORMED_PACKET = 0x81
    PROTOCOL_ERROR = 0x82
    TOPIC_NAME_INVALID = 0x90
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    TOPIC_ALIAS_INVALID = 0x94
    PACKET_TOO_LARGE = 0x95
    QUOTA_EXCEEDED = 0x97


MEND = "Whoever runs the broker has to mend or update it."
FIND_THE_MESSAGE = (
    "Whoever runs the broker has to find who publishes it. It comes again after each connect while it is retained, or "
    "queued in the broker's session for this client id: delete it there."
)
CUT = "Either the broker was stopped or hangs, or something between cuts the connection: look into the broker's log."


class Violation(Exception):
    """`what` the broker sent, as the end of a sentence. `older_mqtt`: as a broker does that knows
    no MQTT 5.
    """

    def __init__(
        self, reason: Reason, what: str, remedy: str = MEND, *, older_mqtt: bool = False
    ) -> None:
        super().__init__(what)
        self.reason = reason
        self.what = what
        self.remedy = remedy
        self.older_mqtt = older_mqtt


def malformed(what: str) -> Violation:
    return Violation(Reason.MALFORMED_PACKET, what)


def protocol_error(what: str, remedy: str = MEND) -> Violation:
    return Violation(Reason.PROTOCOL_ERROR, what, remedy)


def too_large(name: str, size: int, limit: int) -> Violation:
    remedy = (
        "If messages of this size are meant, raise SITEWIRE_MAXIMUM_PACKET_SIZE;"
        " otherwise find who publishes them."
    )
    what = f"a {name} of {size:,} bytes, and Sitewire takes {limit:,} at most"
    return Violation(Reason.PACKET_TOO_LARGE, what, remedy if name == "PUBLISH" else MEND)


def cut_off(received: int) -> Violation:
    what = f"the first {received:,} bytes of a packet, and the connection was closed before the rest came"
    return Violation(Reason.MALFORMED_PACKET, what, CUT)


def unfinished(received: int, seconds: float) -> Violation:
    what = f"the first {received:,} bytes of a packet, and not the rest within {seconds:.0f} s"
    return Violation(Reason.MALFORMED_PACKET, what, CUT)


def shown(data: bytes) -> str:
    """Bytes that may be anything, for a sentence: printable ASCII, at most 60 characters."""
    text = ascii(data.decode(errors="replace"))[1:-1]
    if len(text) > 60:
        return f"'{text[:57]}...'"
    return f"'{text}'"
