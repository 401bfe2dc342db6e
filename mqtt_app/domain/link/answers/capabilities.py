"""What a broker allows on one link, as its CONNACK says (MQTT 5 section 3.2.2.3), and in words."""

from collections.abc import Iterable, Iterator

import msgspec

from mqtt_app.domain.link.answers.broker_words import NO_WORDS, BrokerWords, quoted
from mqtt_app.domain.masking import masked

LARGEST_RECEIVE_MAXIMUM = 65_535  # what holds where a broker names none
OLD = "3.1.1"


class BrokerCapabilities(msgspec.Struct, frozen=True, omit_defaults=True):
    """Defaults are those of MQTT 5 for what a CONNACK leaves out.

    `keepalive` (s): the Server Keep Alive, 0 when it is left to us. `session_expiry` (s): None when
    it is as asked. `maximum_packet_size` (bytes): 0 for no limit. `asked_*` is what our CONNECT said.
    """

    protocol: str = ""
    keepalive: int = 0
    asked_keepalive: int = 0
    receive_maximum: int = LARGEST_RECEIVE_MAXIMUM
    maximum_qos: int = 2
    retain: bool = True
    maximum_packet_size: int = 0
    wildcards: bool = True
    identifiers: bool = True
    shared: bool = True
    client_id: str = ""
    session_expiry: int | None = None
    asked_session_expiry: int = 0
    topic_alias_maximum: int = 0
    server_reference: str = ""
    response_information: str = ""
    words: BrokerWords = NO_WORDS


# What is known of a broker of MQTT 3.1.1: it says nothing of its limits, and has no identifiers.
OLDER_BROKER = BrokerCapabilities(protocol=OLD, identifiers=False, shared=False)


def without(found: BrokerCapabilities, secrets: Iterable[str]) -> BrokerCapabilities:
    """The same, with these secrets masked where the broker repeats them."""
    words = BrokerWords(
        masked(found.words.reason, secrets),
        tuple(masked(entry, secrets) for entry in found.words.properties),
    )
    return msgspec.structs.replace(
        found,
        words=words,
        client_id=masked(found.client_id, secrets),
        server_reference=masked(found.server_reference, secrets),
        response_information=masked(found.response_information, secrets),
    )


def sentence(found: BrokerCapabilities) -> str:
    """What this broker allows, in words; "" while none has answered."""
    if not found.protocol:
        return ""
    if found.protocol == OLD:
        return f"MQTT 3.1.1, in which a broker names no limits: {_keepalive(found)}"
    parts = ", ".join([*_limits(found), *_missing(found), *_names(found)])
    return f"this broker allows: {parts}{'.' if found.words else ''}{quoted(found.words)}"


def _limits(found: BrokerCapabilities) -> Iterator[str]:
    yield f"QoS {found.maximum_qos}"
    if not found.retain:
        yield "no retained messages"
    yield _keepalive(found)
    if found.maximum_packet_size:
        yield f"packets of {found.maximum_packet_size:,} bytes at most"
    if found.receive_maximum != LARGEST_RECEIVE_MAXIMUM:
        yield f"{found.receive_maximum:,} unacknowledged messages of ours (Sitewire sends none)"
    if found.session_expiry is not None and found.session_expiry != found.asked_session_expiry:
        asked = _span(found.asked_session_expiry)
        yield f"a session kept for {_span(found.session_expiry)} (asked {asked})"


def _missing(found: BrokerCapabilities) -> Iterator[str]:
    if not found.wildcards:
        yield "no wildcards in filters"
    if not found.identifiers:
        yield "no subscription identifiers"
    if not found.shared:
        yield "no shared subscriptions"


def _names(found: BrokerCapabilities) -> Iterator[str]:
    if found.topic_alias_maximum:
        yield f"{found.topic_alias_maximum:,} topic aliases (Sitewire uses none)"
    if found.client_id:
        yield f"the client id {found.client_id}"
    if found.server_reference:
        yield f"another server: {found.server_reference}"
    if found.response_information:
        yield f"response information {found.response_information}"


def _keepalive(found: BrokerCapabilities) -> str:
    agreed = found.keepalive or found.asked_keepalive
    if agreed == found.asked_keepalive:
        return f"keep alive {agreed} s"
    return f"keep alive {agreed} s (asked {found.asked_keepalive})"


def _span(seconds: int) -> str:
    if seconds == 0xFFFFFFFF:  # section 3.1.2.11.2
        return "ever"
    for unit, length in (("days", 86_400), ("hours", 3_600), ("min", 60)):
        if seconds >= 2 * length and not seconds % length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
