"""Why a link is down: who can mend it, and a sentence that says what happened and what to do."""

import msgspec

from mqtt_app.domain.link.answers.broker_words import NO_WORDS, BrokerWords, quoted
from mqtt_app.domain.link.answers.reason_codes import (
    BROKER,
    CONFIGURATION,
    CONFLICT,
    CREDENTIALS,
    NETWORK,
    Retry,
    reason_of,
)
from mqtt_app.domain.link.protocol.violations import Reason, Violation

__all__ = (  # the classes have their home where the codes are, and their readers here
    "BROKER",
    "CONFIGURATION",
    "CONFLICT",
    "CREDENTIALS",
    "INTERNAL",
    "NETWORK",
    "NO_CONNACK",
    "NO_SUBACK",
    "SPEAKS_TLS",
    "TLS",
    "LinkFailure",
    "closed_before_connack",
    "not_mqtt",
    "out_of_memory",
    "refusal",
    "violated",
)

TLS = "tls"
INTERNAL = "internal"
SLOW = {
    CONFIGURATION,
    CREDENTIALS,
    CONFLICT,
}  # asking again soon does not help; a change of settings starts afresh


class LinkFailure(msgspec.Struct, frozen=True):
    """`kind` is one of the words above. `older_mqtt`: the broker may still take MQTT 3.1.1.
    `reason_code`: with which MQTT 5 ends a link whose broker broke the protocol; 0 for everything
    else. `is_soon`: to be tried again within seconds. `broker_code`: with which the broker refused
    or ended the link, None when it gave none; `server_reference` is the server that it named.
    `is_silent`: nothing came any more, which was found out here.
    """

    kind: str
    message: str
    older_mqtt: bool = False
    reason_code: int = 0
    is_soon: bool = False
    broker_code: int | None = None
    server_reference: str = ""
    is_silent: bool = False

    @property
    def is_slow(self) -> bool:
        return self.kind in SLOW

    @property
    def is_violation(self) -> bool:
        """Of the protocol, by the broker: it will most likely do the same again."""
        return bool(self.reason_code)


# A broker that knows 3.1.1 only may take the properties of MQTT 5 for the length of something, and
# wait for the rest.
NO_CONNACK = LinkFailure(
    BROKER, "The broker accepted the connection but never answered our CONNECT.", older_mqtt=True
)
NO_SUBACK = LinkFailure(BROKER, "The broker did not answer our subscriptions.")
SPEAKS_TLS = LinkFailure(
    TLS, "The broker speaks TLS on this port and we spoke in plain. Turn on TLS."
)


def violated(violation: Violation) -> LinkFailure:
    text = f"The broker broke the MQTT protocol: it sent {violation.what}. {violation.remedy}"
    return LinkFailure(BROKER, text, older_mqtt=violation.older_mqtt, reason_code=violation.reason)


def out_of_memory(limit: int) -> LinkFailure:
    return LinkFailure(
        BROKER,
        "The broker left a packet unfinished for longer than any other broker, while packets that have not come whole "
        f"filled the {limit:,} bytes that this MQTT worker has for them. If many brokers send large packets over slow "
        "networks, raise SITEWIRE_UNFINISHED_BYTES.",
        reason_code=Reason.QUOTA_EXCEEDED,
    )


def refusal(code: int, words: BrokerWords = NO_WORDS, server_reference: str = "") -> LinkFailure:
    """What a CONNACK or DISCONNECT code means; 1 to 5 are MQTT 3.1.1, 128 and above MQTT 5.

    `server_reference` is what the broker names as another server, "" when it names none.
    """
    reason = reason_of(code)
    named = ""
    if server_reference:
        named = f" It names {server_reference}."
    remedy = ""
    if reason.remedy:
        remedy = f" {reason.remedy}"
    return LinkFailure(
        reason.kind,
        f"{reason.words}{quoted(words)}{named}{remedy}",
        older_mqtt=reason.retry is Retry.OLDER,
        is_soon=reason.retry is Retry.SOON,
        broker_code=code,
        server_reference=server_reference,
    )


def not_mqtt(first: bytes) -> LinkFailure | None:
    """Judge the first bytes of an answer to CONNECT; None when they may be MQTT (or nothing came)."""
    if not first or first[0] == 0x20:
        return None
    if first.startswith(b"HTTP"):
        return LinkFailure(
            CONFIGURATION,
            "A web server (HTTP) answers on this port, not an MQTT broker. Check host and port.",
        )
    if first[0] in (0x15, 0x16):
        return SPEAKS_TLS
    if first.startswith(b"SSH-"):
        return LinkFailure(
            CONFIGURATION,
            "An SSH server answers on this port, not an MQTT broker. Check host and port.",
        )
    if _may_be_a_packet(first):
        return None
    return LinkFailure(
        CONFIGURATION, "Whatever answers on this port is no MQTT broker. Check host and port."
    )


def _may_be_a_packet(first: bytes) -> bool:
    """Not what greets in words, as mail and FTP servers do, nor what begins with a byte that MQTT
    has no use for.
    """
    is_text = all(byte in b"\r\n\t" or 0x20 <= byte < 0x7F for byte in first)
    kind = first[0] >> 4
    flags = first[0] & 15
    is_known = 0 < kind < 15 and (kind == 3 or flags == (2 if kind in (6, 8, 10) else 0))
    return is_known and not (is_text and len(first) >= 4)


def closed_before_connack(use_tls: bool) -> LinkFailure:
    if use_tls:
        hint = ""
    else:
        hint = " If the port is for TLS, turn on TLS."
    text = "The broker accepted the connection and closed it before it answered our CONNECT."
    return LinkFailure(
        BROKER, text + hint + " Otherwise look into the broker's log.", older_mqtt=True
    )
