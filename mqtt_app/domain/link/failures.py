"""Why a link is down: who can mend it, and a sentence that says what happened and what to do."""

import msgspec

from mqtt_app.domain.link.protocol.violations import Reason, Violation

CONFIGURATION = "configuration"
CREDENTIALS = "credentials"
NETWORK = "network"
TLS = "tls"
BROKER = "broker"
CONFLICT = "conflict"
INTERNAL = "internal"
SLOW = {
    CONFIGURATION,
    CREDENTIALS,
    CONFLICT,
}  # asking again soon does not help; a change of settings starts afresh


class LinkFailure(msgspec.Struct, frozen=True):
    """`kind` is one of the words above. `older_mqtt`: the broker may still take MQTT 3.1.1.
    `reason_code`: with which MQTT 5 ends a link whose broker broke the protocol; 0 for everything
    else.
    """

    kind: str
    message: str
    older_mqtt: bool = False
    reason_code: int = 0

    @property
    def is_slow(self) -> bool:
        return self.kind in SLOW

    @property
    def is_violation(self) -> bool:
        """Of the protocol, by the broker: it will most likely do the same again."""
        return bool(self.reason_code)


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


_OLD_CODES = {  # MQTT 3.1.1, table 3.1
    1: LinkFailure(
        CONFIGURATION,
        "The broker does not speak this version of MQTT. Choose another one.",
        older_mqtt=True,
    ),
    2: LinkFailure(CONFIGURATION, "The broker does not accept the client id. Set another one."),
    3: LinkFailure(BROKER, "The broker says that its MQTT service is unavailable."),
    4: LinkFailure(CREDENTIALS, "The broker refused the user name or password. Check both."),
    5: LinkFailure(
        CREDENTIALS,
        "The broker refused access: not authorized. Check user name, password and client id.",
    ),
}
_CODES = {  # MQTT 5, table 3-1
    0x80: LinkFailure(
        BROKER, "The broker refused the connection without saying why. Look into its log."
    ),
    0x81: LinkFailure(
        BROKER, "The broker found our CONNECT malformed. Try MQTT 3.1.1.", older_mqtt=True
    ),
    0x82: LinkFailure(
        BROKER, "The broker says that we broke the protocol. Try MQTT 3.1.1.", older_mqtt=True
    ),
    0x83: LinkFailure(
        BROKER, "The broker refused the connection by a rule of its own. Look into its log."
    ),
    0x84: _OLD_CODES[1],
    0x85: _OLD_CODES[2],
    0x86: _OLD_CODES[4],
    0x87: _OLD_CODES[5],
    0x88: _OLD_CODES[3],
    0x89: LinkFailure(BROKER, "The broker is busy. It is asked again later."),
    0x8A: LinkFailure(
        CREDENTIALS, "The broker has banned this client. Ask whoever runs the broker."
    ),
    0x8B: LinkFailure(BROKER, "The broker is shutting down."),
    0x8C: LinkFailure(
        CREDENTIALS, "The broker wants another way of authentication than user name and password."
    ),
    0x8D: LinkFailure(NETWORK, "The broker heard nothing from us for longer than the keepalive."),
    0x8E: LinkFailure(
        CONFLICT,
        "Another client took over the session: it uses the same client id. Give each client its own.",
    ),
    0x93: LinkFailure(BROKER, "The broker says that we left more messages open than it allows."),
    0x95: LinkFailure(BROKER, "The broker found a packet too large."),
    0x96: LinkFailure(BROKER, "The broker says that messages come too fast."),
    0x97: LinkFailure(BROKER, "A quota of the broker is exceeded. Ask whoever runs it."),
    0x98: LinkFailure(BROKER, "The broker was told by its administrator to close the connection."),
    0x9C: LinkFailure(CONFIGURATION, "The broker asks us to use another server for now."),
    0x9D: LinkFailure(CONFIGURATION, "The broker has moved for good. Enter its new address."),
    0x9F: LinkFailure(BROKER, "The broker limits the rate of new connections."),
}


def refusal(code: int) -> LinkFailure:
    """What a CONNACK or DISCONNECT code means; 1 to 5 are MQTT 3.1.1, 128 and above MQTT 5."""
    found = _CODES.get(code) or _OLD_CODES.get(code)
    return found or LinkFailure(BROKER, f"The broker ended the connection with code {code}.")


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
        return LinkFailure(
            TLS, "The broker speaks TLS on this port and we spoke in plain. Turn on TLS."
        )
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
