"""The CONNACK: MQTT 5 section 3.2, MQTT 3.1.1 section 3.2."""

import msgspec

from mqtt_app.domain.link.answers.broker_words import broker_words, plain
from mqtt_app.domain.link.answers.capabilities import (
    LARGEST_RECEIVE_MAXIMUM,
    OLDER_BROKER,
    BrokerCapabilities,
)
from mqtt_app.domain.link.protocol import properties
from mqtt_app.domain.link.protocol.properties import CONNACK, Values, read_properties
from mqtt_app.domain.link.protocol.violations import Violation, malformed

LONGEST_NAME = 128  # characters of a server reference, a client id and the like that are kept


class Connack(msgspec.Struct, frozen=True):
    """`allows` is what the broker says of its limits, without what our CONNECT asked for."""

    session_present: bool
    code: int
    allows: BrokerCapabilities = OLDER_BROKER


def read_connack(body: bytes) -> Connack:
    """Raises Violation, or IndexError when it is too short."""
    if len(body) == 2 and (0 < body[1] <= 5 or body[1] == 0x84):
        return Connack(
            session_present=False, code=body[1]
        )  # so do brokers refuse that know no MQTT 5
    try:
        values, end = read_properties(body, 2, CONNACK)
        _end_of(body, end)
    except Violation as violation:
        violation.older_mqtt = True
        raise
    return Connack(_session_present(body), body[1], _capabilities(values))


def read_old_connack(body: bytes) -> Connack:
    """Of MQTT 3.1.1; raises as `read_connack` does."""
    _end_of(body, 2)
    return Connack(_session_present(body), body[1])


def _session_present(body: bytes) -> bool:
    if body[0] > 1:
        raise malformed(f"a CONNACK with reserved flags ({body[0]:#04x})")
    return body[0] == 1


def _end_of(body: bytes, end: int) -> None:
    if len(body) < end:
        raise IndexError
    if len(body) > end:
        raise malformed(f"a CONNACK with {len(body) - end:,} bytes behind its end")


def _capabilities(values: Values) -> BrokerCapabilities:
    expiry = values.get(properties.SESSION_EXPIRY_INTERVAL)
    user_properties = values.get(properties.USER_PROPERTY, ())
    return BrokerCapabilities(
        protocol="5",
        keepalive=_number(values, properties.SERVER_KEEP_ALIVE, 0),
        receive_maximum=_number(values, properties.RECEIVE_MAXIMUM, LARGEST_RECEIVE_MAXIMUM),
        maximum_qos=_number(values, properties.MAXIMUM_QOS, 2),
        retain=_flag(values, properties.RETAIN_AVAILABLE),
        maximum_packet_size=_number(values, properties.MAXIMUM_PACKET_SIZE, 0),
        wildcards=_flag(values, properties.WILDCARDS_AVAILABLE),
        identifiers=_flag(values, properties.SUBSCRIPTION_IDENTIFIERS_AVAILABLE),
        shared=_flag(values, properties.SHARED_AVAILABLE),
        client_id=_name(values, properties.ASSIGNED_CLIENT_IDENTIFIER),
        session_expiry=int(expiry[0]) if expiry else None,
        topic_alias_maximum=_number(values, properties.TOPIC_ALIAS_MAXIMUM, 0),
        server_reference=_name(values, properties.SERVER_REFERENCE),
        response_information=_name(values, properties.RESPONSE_INFORMATION),
        words=broker_words(_text(values, properties.REASON_STRING), user_properties),
    )


def _number(values: Values, number: int, default: int) -> int:
    if number in values:
        return int(values[number][0])
    return default


def _flag(values: Values, number: int) -> bool:
    return _number(values, number, 1) != 0


def _text(values: Values, number: int) -> str:
    if number in values:
        return str(values[number][0])
    return ""


def _name(values: Values, number: int) -> str:
    return plain(_text(values, number), LONGEST_NAME)
