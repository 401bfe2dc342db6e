"""Every code with which a broker refuses or ends something: words, class, remedy, when to retry.

MQTT 5: table 2-6, and for each packet tables 3-1 (CONNACK), 3-10 (DISCONNECT) and 3-8 (SUBACK).
MQTT 3.1.1: table 3.1 (CONNACK) and section 3.9.3 (SUBACK).
"""

from enum import StrEnum

import msgspec

BROKER = "broker"
CONFIGURATION = "configuration"
CONFLICT = "conflict"
CREDENTIALS = "credentials"
NETWORK = "network"


class Retry(StrEnum):
    """`BY_CLASS`: as every failure of its class. `SOON`: within seconds. `OLDER`: with MQTT 3.1.1,
    at once, where the broker may still take it.
    """

    BY_CLASS = "by class"
    SOON = "soon"
    OLDER = "older"


class ReasonCode(msgspec.Struct, frozen=True):
    """`words` are a sentence; `remedy` is what a person can do, "" when there is nothing."""

    words: str
    kind: str = BROKER
    remedy: str = ""
    retry: Retry = Retry.BY_CLASS


_OWNER = "Ask whoever runs the broker."
_LOG = "Look into the broker's log."
_OLDER = "MQTT 3.1.1 is tried, where the connection's settings allow it."

RETURN_CODES = {  # of MQTT 3.1.1, 1 to 5
    1: ReasonCode(
        "The broker does not speak this version of MQTT.",
        CONFIGURATION,
        "Choose another one.",
        Retry.OLDER,
    ),
    2: ReasonCode(
        "The broker does not accept the client id.",
        CONFIGURATION,
        "Set another one, as this broker wants it.",
    ),
    3: ReasonCode("The broker says that its MQTT service is unavailable."),
    4: ReasonCode("The broker refused the user name or password.", CREDENTIALS, "Check both."),
    5: ReasonCode(
        "The broker refused access: not authorized.",
        CREDENTIALS,
        "Check user name, password and client id.",
    ),
}
REASON_CODES = {  # of MQTT 5, in a CONNACK or DISCONNECT
    0x00: ReasonCode("The broker ended the connection and gave no reason.", remedy=_LOG),
    0x80: ReasonCode("The broker refused the connection without saying why.", remedy=_LOG),
    0x81: ReasonCode("The broker found our packet malformed.", BROKER, _OLDER, Retry.OLDER),
    0x82: ReasonCode("The broker says that we broke the protocol.", BROKER, _OLDER, Retry.OLDER),
    0x83: ReasonCode("The broker refused the connection by a rule of its own.", remedy=_LOG),
    0x84: RETURN_CODES[1],
    0x85: RETURN_CODES[2],
    0x86: RETURN_CODES[4],
    0x87: RETURN_CODES[5],
    0x88: RETURN_CODES[3],
    0x89: ReasonCode("The broker is busy. It is asked again later."),
    0x8A: ReasonCode("The broker has banned this client.", CREDENTIALS, _OWNER),
    0x8B: ReasonCode("The broker is shutting down."),
    0x8C: ReasonCode(
        "The broker wants another way of authentication than user name and password.",
        CREDENTIALS,
        _OWNER,
    ),
    0x8D: ReasonCode("The broker heard nothing from us for longer than the keepalive.", NETWORK),
    0x8E: ReasonCode(
        "Another client took over the session: it uses the same client id.",
        CONFLICT,
        "Give each client its own.",
    ),
    0x8F: ReasonCode(
        "The broker does not accept a topic filter of ours.",
        CONFIGURATION,
        "Correct the filters.",
    ),
    0x90: ReasonCode("The broker does not accept a topic name of ours.", CONFIGURATION, _OWNER),
    0x91: ReasonCode("The broker says that a packet identifier of ours is in use."),
    0x92: ReasonCode("The broker does not know a packet identifier of ours."),
    0x93: ReasonCode("The broker says that we left more messages open than it allows."),
    0x94: ReasonCode("The broker says that we used a topic alias that it does not know."),
    0x95: ReasonCode("The broker found a packet of ours too large.", remedy=_OWNER),
    0x96: ReasonCode("The broker says that messages come too fast."),
    0x97: ReasonCode("A quota of the broker is exceeded.", BROKER, _OWNER, Retry.SOON),
    0x98: ReasonCode("The broker was told by its administrator to close the connection."),
    0x99: ReasonCode("The broker says that a payload is not of the format it claims."),
    0x9A: ReasonCode("The broker keeps no retained messages.", CONFIGURATION, _OWNER),
    0x9B: ReasonCode("The broker does not support the QoS of ours.", CONFIGURATION, _OWNER),
    0x9C: ReasonCode("The broker asks us to use another server for now.", retry=Retry.SOON),
    0x9D: ReasonCode(
        "The broker has moved for good.", BROKER, "Enter its new address.", Retry.SOON
    ),
    0x9E: ReasonCode("The broker has no shared subscriptions.", CONFIGURATION, _OWNER),
    0x9F: ReasonCode("The broker limits the rate of new connections."),
    0xA0: ReasonCode("The broker allows a connection only for some time.", retry=Retry.SOON),
    0xA1: ReasonCode("The broker has no subscription identifiers.", CONFIGURATION, _OLDER),
    0xA2: ReasonCode(
        "The broker has no wildcard subscriptions.",
        CONFIGURATION,
        "Enter filters without + and #.",
    ),
}
SUBACK_REFUSALS = {
    0x80: "refused without a reason",
    0x83: "refused by a rule of this broker",
    0x87: "not authorized: the broker's access rules deny this filter",
    0x8F: "the broker does not accept this filter",
    0x91: "packet identifier in use",
    0x95: "longer than the packets that this broker takes",
    0x97: "quota exceeded: the broker takes no more subscriptions of ours",
    0x9E: "the broker has no shared subscriptions",
    0xA1: "the broker has no subscription identifiers",
    0xA2: "the broker has no wildcard subscriptions",
}


def reason_of(code: int) -> ReasonCode:
    """Of a CONNACK or DISCONNECT; 1 to 5 are those of MQTT 3.1.1."""
    found = REASON_CODES.get(code) or RETURN_CODES.get(code)
    return found or ReasonCode(f"The broker ended the connection with code {code}.")
